//! A device's report on itself in a message, and its consequences.

use chaveiro_core::command::{Delivery, DeviceCommand, Phase, Receipt};
use chaveiro_core::decisions::check_in::{
    Fresh, SetUp, Standing, ask_inventory, greet, keep, take_set_up, take_standing,
};
use chaveiro_core::device::{InventoryField, ManagedDevice};
use chaveiro_core::digest::sha256_hex;
use chaveiro_core::engine::sent;
use chaveiro_core::id::ActionId;
use chaveiro_core::lock::EscrowTest;
use chaveiro_core::ports::{Fault, UnitOfWork};

use crate::Backend;
use crate::sample::{
    at, device, device_id, disk, enrollment, enrollment_id, linux_device, read, tenant_id, uuid, with_linux, write,
};

const FRESH: fn() -> Fresh = || Fresh { action: ActionId(uuid(5, 1)), user: uuid(4, 1) };

/// Returns the standing of a machine without disks whose packages have that hash.
fn standing(sha256: &str) -> Standing<'_> {
    Standing { locks: &[], unpromoted: None, packages_sha256: Some(sha256), account_name: None }
}

fn bare() -> ManagedDevice {
    ManagedDevice { recoverability: Vec::new(), ..linux_device(1, 14) }
}

fn queued(unit: &dyn UnitOfWork) -> Result<Vec<Delivery>, Fault> {
    Ok(unit.deliveries_queued(enrollment_id(14))?)
}

pub(crate) async fn packages_are_asked_for_once_until_the_device_has_answered(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    let list = "bash\t5.2\nzsh\t5.9\n";
    let taken = write(&store, move |unit| {
        let (mut machine, hash) = (bare(), sha256_hex(list.as_bytes()));
        for second in [1, 2] {
            take_standing(unit, &enrollment(1, 14), &machine, &standing(&hash), FRESH(), at(second))?;
        }
        let asked = queued(unit)?;
        assert_eq!(asked.iter().map(|one| one.commands.clone()).collect::<Vec<_>>(), [[DeviceCommand::ReadPackages]]);
        sent(unit, asked[0].clone(), Receipt { message: "m".to_owned(), first: 2 }, at(3))?;
        let in_flight = unit.deliveries_in_flight(enrollment_id(14))?;
        // A first message has no status yet: the delivery stays in flight.
        let early = SetUp { statuses: &[None], packages: Some(list), complete: false };
        take_set_up(unit, &mut machine, in_flight[0].clone(), &early, at(4))?;
        let in_flight = unit.deliveries_in_flight(enrollment_id(14))?;
        let last = SetUp { statuses: &[Some(200)], packages: None, complete: true };
        take_set_up(unit, &mut machine, in_flight[0].clone(), &last, at(5))?;
        assert_eq!(unit.deliveries_in_flight(enrollment_id(14))?, []);
        let settled = unit.delivery(in_flight[0].seq)?.expect("a delivery");
        assert!(matches!(settled.phase, Phase::Settled(_)) && settled.statuses == [Some(200)], "{settled:?}");
        // Known packages are not requested again.
        take_standing(unit, &enrollment(1, 14), &machine, &standing(&hash), FRESH(), at(6))?;
        assert_eq!(queued(unit)?, []);
        Ok(machine)
    })
    .await;
    let packages = taken.inventory.text(InventoryField::PACKAGES_SHA256);
    assert_eq!(packages, Some(sha256_hex(list.as_bytes()).as_str()));
}

pub(crate) async fn a_device_is_asked_once_for_the_values_that_an_earlier_version_did_not_know(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    write(&store, |unit| {
        let mut machine = bare();
        for second in [1, 2] {
            ask_inventory(unit, &enrollment(1, 14), &mut machine, at(second))?;
        }
        let asked = InventoryField::asked_of(machine.platform).map(|field| DeviceCommand::ReadInventory { field });
        assert_eq!(queued(unit)?.into_iter().map(|one| one.commands).collect::<Vec<_>>(), [asked.collect::<Vec<_>>()]);
        // Another version asks for others.
        machine.inventory.set(InventoryField::ASKED, Some("other".into()));
        ask_inventory(unit, &enrollment(1, 14), &mut machine, at(3))?;
        assert_eq!(queued(unit)?.len(), 2);
        Ok(())
    })
    .await;
}

pub(crate) async fn a_linux_machine_that_has_shown_its_certificate_must_show_it(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    for (number, linux, showed, must) in [(14, true, false, false), (14, true, true, true), (11, false, true, false)] {
        write(&store, move |unit| {
            let mut machine = if linux { linux_device(1, number) } else { device(1, number) };
            greet(unit, &enrollment(1, number), &mut machine, showed, false, at(9))?;
            assert_eq!(machine.last_sync, at(2), "the session continues");
            greet(unit, &enrollment(1, number), &mut machine, false, true, at(9))?;
            assert_eq!(machine.last_sync, at(9));
            Ok(())
        })
        .await;
        let found = read(&store, move |view| Ok(view.enrollment(enrollment_id(number))?)).await.expect("an enrolment");
        assert_eq!(found.needs_certificate, must, "{number} {showed}");
    }
}

pub(crate) async fn what_a_device_says_is_kept_when_it_differs(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    let locks = vec![disk("/dev/sdb1", EscrowTest::Never, None)];
    let said = locks.clone();
    write(&store, move |unit| {
        let before = linux_device(1, 14);
        let mut machine = ManagedDevice { last_sync: at(7), ..before.clone() };
        let standing = Standing { locks: &said, ..standing("aa") };
        Ok(keep(unit, &before, &mut machine, Some(&standing), at(7))?)
    })
    .await;
    let kept = read(&store, |view| Ok(view.device(tenant_id(1), device_id(14))?)).await.expect("a device");
    assert_eq!((kept.last_sync, kept.recoverability), (at(7), locks));
}
