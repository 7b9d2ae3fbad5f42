//! The check-in: a device reports on itself in a message, beside its answers, and the server decides what follows.

use jiff::Timestamp;
use uuid::Uuid;

use super::{enroll, restore, standing, take_inventory};
use crate::command::{Delivery, DeviceCommand, Phase, Purpose};
use crate::device::{InventoryField, ManagedDevice, Platform};
use crate::digest::sha256_hex;
use crate::enrollment::Enrollment;
use crate::id::{ActionId, DeviceId, EnrollmentId, TenantId};
use crate::lock::{Lock, Recoverability, Unpromoted};
use crate::ports::{Fault, LastSeen, StoreError, UnitOfWork};

/// The device's report on itself at the start of a session.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The locks, each tested just now.
    pub locks: &'a [Recoverability],
    /// The candidate that works and that the device has not seen promoted.
    pub unpromoted: Option<&'a Unpromoted>,
    /// The lower-case hex SHA-256 of the list of packages.
    pub packages_sha256: Option<&'a str>,
    /// The name of the person whose account would be recovered.
    pub account_name: Option<&'a str>,
}

/// The ids of new items, in case they are made.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    /// A recovery that the server opens by itself.
    pub action: ActionId,
    /// A user for the account on the device.
    pub user: Uuid,
}

/// Greets a device that has authenticated itself. A Linux machine that showed its certificate must show it from now on.
pub fn greet(
    unit: &mut dyn UnitOfWork,
    enrollment: &Enrollment,
    device: &mut ManagedDevice,
    showed_certificate: bool,
    begins: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    if showed_certificate && device.platform == Platform::Linux && !enrollment.needs_certificate {
        unit.require_certificate(enrollment.id)?;
    }
    if begins {
        device.last_sync = now;
    }
    Ok(())
}

/// Asks a device for its inventory at the beginning of a session, if an earlier version of the server asked it for other values.
pub fn ask_inventory(
    unit: &mut dyn UnitOfWork,
    enrollment: &Enrollment,
    device: &mut ManagedDevice,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mark = InventoryField::mark(device.platform);
    if device.inventory.text(InventoryField::ASKED) == Some(mark) {
        return Ok(());
    }
    device.inventory.set(InventoryField::ASKED, Some(mark.into()));
    let commands = enroll::read_inventory(device.platform).collect();
    unit.insert_delivery(&Delivery::of_no_action(enrollment, Purpose::SetUp, commands, now))?;
    Ok(())
}

/// Stores the message's facts about the device, which was as `before` when the message came. Takes its standing as
/// proof of which locks the escrow opens.
pub fn keep(
    unit: &mut dyn UnitOfWork,
    before: &ManagedDevice,
    device: &mut ManagedDevice,
    said: Option<&Standing<'_>>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if let Some(said) = said {
        device.recoverability = said.locks.to_vec();
    }
    store_changes(unit, before, device)?;
    match said {
        Some(_) => restore::confirm(unit, device, now),
        None => Ok(()),
    }
}

/// Stores a device that was as `before`. Most sessions change the time of the last one alone.
fn store_changes(unit: &mut dyn UnitOfWork, before: &ManagedDevice, device: &ManagedDevice) -> Result<(), StoreError> {
    let is_later = before.last_sync < device.last_sync;
    if device == before {
        Ok(())
    } else if is_later && *device == (ManagedDevice { last_sync: device.last_sync, ..before.clone() }) {
        unit.move_last_sync(device.tenant, device.id, device.last_sync)
    } else {
        unit.update_device(device)
    }
}

/// Acts on the standing of a device. Settles its candidate or has its disk escrowed, takes the account that would be
/// recovered, and requests the packages if their list has changed.
pub fn take_standing(
    unit: &mut dyn UnitOfWork,
    enrollment: &Enrollment,
    device: &ManagedDevice,
    said: &Standing<'_>,
    fresh: Fresh,
    now: Timestamp,
) -> Result<(), Fault> {
    match said.unpromoted {
        // Until it is settled, the device does not count the new passcode as escrowed: another would be one too many.
        Some(unpromoted) => standing::reconcile(unit, enrollment, unpromoted, now)?,
        None => {
            standing::keep_disk_escrowed(unit, device, enrollment, fresh.action, now)?;
        }
    }
    if let Some(entry) = said.locks.iter().find(|entry| entry.of.lock == Lock::Login) {
        take_inventory::take_account(unit, device, &entry.of.subject, said.account_name, fresh.user, now)?;
    }
    let packages = vec![DeviceCommand::ReadPackages];
    let differ = said.packages_sha256.is_some()
        && said.packages_sha256 != device.inventory.text(InventoryField::PACKAGES_SHA256);
    // A device that never gets as far as answering must not gather one request for each of its sessions.
    if differ && unit.deliveries_queued(enrollment.id)?.iter().all(|queued| queued.commands != packages) {
        unit.insert_delivery(&Delivery::of_no_action(enrollment, Purpose::SetUp, packages, now))?;
    }
    Ok(())
}

/// The begin of a session that changed nothing else, and in which the device got nothing to do.
#[derive(Clone)]
pub struct Idle {
    /// The tenant.
    pub tenant: TenantId,
    /// The device.
    pub device: DeviceId,
    /// The enrolment.
    pub enrollment: EnrollmentId,
    /// The time of the session.
    pub at: Timestamp,
    /// The state of the session, if it is to be stored.
    pub session: Option<Vec<u8>>,
}

/// Stores the idle sessions of many devices. A device that was retired or enrolled again meanwhile keeps the time alone.
pub fn store_idle(unit: &mut dyn UnitOfWork, sessions: &[Idle]) -> Result<(), StoreError> {
    for idle in sessions {
        unit.move_last_sync(idle.tenant, idle.device, idle.at)?;
        let Some(session) = &idle.session else { continue };
        if unit.enrollment(idle.enrollment)?.is_some_and(|enrollment| enrollment.closed.is_none()) {
            unit.put_session(idle.enrollment, session)?;
        }
    }
    Ok(())
}

/// Stores the time of the newest idle session of one device, so that a passcode is not shown beside an older one.
/// Returns true if one waited.
pub fn store_idle_of(
    unit: &mut dyn UnitOfWork,
    seen: &dyn LastSeen,
    tenant: TenantId,
    device: DeviceId,
) -> Result<bool, StoreError> {
    let Some(at) = seen.last_sync(device) else { return Ok(false) };
    unit.move_last_sync(tenant, device, at)?;
    Ok(true)
}

/// A device's answer to a delivery that belongs to no action.
#[derive(Clone, Copy, Debug)]
pub struct SetUp<'a> {
    /// The status of each command of the delivery, as far as the message has one.
    pub statuses: &'a [Option<u16>],
    /// The list of packages, if the message has it.
    pub packages: Option<&'a str>,
    /// True if the device has nothing more to say for now.
    pub complete: bool,
}

/// Takes the answer to a delivery that belongs to no action. `device` gets the facts that it states.
pub fn take_set_up(
    unit: &mut dyn UnitOfWork,
    device: &mut ManagedDevice,
    mut delivery: Delivery,
    answer: &SetUp<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Phase::Sent(at) = delivery.phase.clone() else { return Ok(()) };
    for (known, new) in delivery.statuses.iter_mut().zip(answer.statuses) {
        *known = known.or(*new);
    }
    if let Some(packages) = answer.packages {
        take_inventory::take_packages(unit, device, packages, now)?;
        device.inventory.set(InventoryField::PACKAGES_SHA256, Some(sha256_hex(packages.as_bytes()).into()));
    }
    if answer.complete && delivery.statuses.iter().all(Option::is_some) {
        delivery.phase = Phase::Settled(at);
    }
    unit.update_delivery(&delivery)
}
