//! Disks that the server escrows by itself.

use chaveiro_core::Fault;
use chaveiro_core::action::ActionState;
use chaveiro_core::caller::Actor;
use chaveiro_core::decisions::ask::Begun;
use chaveiro_core::decisions::disclose_passcode::{Ask, disclose};
use chaveiro_core::decisions::standing::keep_disk_escrowed;
use chaveiro_core::device::{ManagedDevice, ManagementState};
use chaveiro_core::enrollment::Enrollment;
use chaveiro_core::id::RequestId;
use chaveiro_core::lock::{EscrowTest, Lock, Recoverability};
use chaveiro_core::ports::Decided::{Done, RefusedAndRecorded};
use chaveiro_core::ports::UnitOfWork;
use chaveiro_core::refusal::ActionRefusal;
use chaveiro_core::tenant::{Licence, LinuxLocks, Tenant, TenantSettings};

use crate::Backend;
use crate::linux::{DAY, action_id, answer, held, opens, recover, send, settle_finish, take};
use crate::sample::{
    ask, at, caller, disk, enrollment, linux_device, outcome, tenant, tenant_id, uuid, with_linux, write,
};

const SDA: &str = "/dev/sda3";

/// Requests a recovery of the disk of device 14, as the device channel does in every session.
pub(crate) fn keep(
    unit: &mut dyn UnitOfWork,
    disks: &[Recoverability],
    number: u64,
    second: u64,
) -> Result<bool, Fault> {
    let device = ManagedDevice { recoverability: disks.to_vec(), ..linux_device(1, 14) };
    keep_disk_escrowed(unit, &device, &enrollment(1, 14), action_id(number), at(second))
}

pub(crate) async fn a_disk_is_escrowed_unasked_exactly_when_it_should_be(backend: &dyn Backend) {
    use EscrowTest::{Changed, Never, Opens};
    let hindered = Recoverability { obstacle: Some("noFreeSlot".to_owned()), ..disk(SDA, Never, None) };
    let login = {
        let mut login = disk("ana", Never, None);
        login.of.lock = Lock::Login;
        login
    };
    // Action 1 produced a result of device 14, action 2 one of device 15; a day has passed.
    let table = [
        (vec![], false),
        (vec![login.clone()], false),
        (vec![hindered.clone()], false),
        (vec![disk(SDA, Never, None)], true),
        (vec![disk(SDA, Opens, Some(1))], false),
        (vec![disk(SDA, Changed, Some(1))], true),
        (vec![disk(SDA, Opens, Some(2))], true),
        (vec![disk(SDA, Opens, Some(77))], true),
        (vec![disk(SDA, Opens, None)], true),
        (vec![disk(SDA, Opens, Some(1)), hindered, login], false),
        (vec![disk(SDA, Opens, Some(1)), disk("/dev/sdb1", Never, None)], true),
    ];
    for (row, (disks, expected)) in table.into_iter().enumerate() {
        let store = with_linux(backend.fresh()).await;
        let kept = write(&store, move |unit| {
            for (number, device) in [(1, 14), (2, 15)] {
                _ = ask(unit, 1, device, number, None)?;
                recover(unit, device, number * 10, &opens(true, &[SDA]))?;
                settle_finish(unit, device, number * 10 + 2)?;
            }
            keep(unit, &disks, 3, 2 * DAY)
        });
        assert_eq!(kept.await, expected, "row {row}");
        if expected {
            let (action, _) = held(&store, 3).await;
            assert_eq!((action.locks, action.requested_by), (vec![Lock::Luks2], Actor::system()));
        }
    }

    // No disk is escrowed if the tenant, its licence, its settings or the device exclude it.
    let unlicensed = Tenant { licence: Licence::Inactive, ..tenant(1) };
    let login_only = TenantSettings { linux_locks: LinuxLocks::Login, ..tenant(1).settings };
    let login_only = Tenant { settings: login_only, ..tenant(1) };
    let retired = ManagedDevice { management_state: ManagementState::RetireIssued, ..linux_device(1, 14) };
    let cases = [(unlicensed, linux_device(1, 14)), (login_only, linux_device(1, 14)), (tenant(1), retired)];
    for (row, (tenant, device)) in cases.into_iter().enumerate() {
        let store = with_linux(backend.fresh()).await;
        let kept = write(&store, move |unit| {
            unit.update_tenant(&tenant)?;
            keep_disk_escrowed(unit, &device, &enrollment(1, 14), action_id(1), at(10))
        });
        assert!(!kept.await, "case {row}");
    }
}

pub(crate) async fn a_disk_is_escrowed_again_after_its_passcode_was_read(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    let known = [disk(SDA, EscrowTest::Opens, Some(1))];
    write(&store, move |unit| {
        _ = ask(unit, 1, 14, 1, None)?;
        recover(unit, 14, 10, &opens(true, &[SDA]))?;
        settle_finish(unit, 14, 12)?;
        assert!(!keep(unit, &known, 2, 13)?);
        let action = unit.action(tenant_id(1), action_id(1))?.unwrap_or_else(|| panic!("no action"));
        let shown = disclose(unit, &Ask::new(&caller(1, "ana"), &action, RequestId(uuid(6, 1))), at(20))?;
        assert!(outcome(shown).is_ok());
        // The window of this tenant is a minute: until then the reader may still be typing the passcode.
        assert!(!keep(unit, &known, 2, 79)?);
        assert!(keep(unit, &known, 2, 80)?, "a day need not pass");
        assert!(!keep(unit, &known, 3, 81)?, "it is in hand");
        recover(unit, 14, 90, &opens(false, &[SDA]))?;
        settle_finish(unit, 14, 92)?;
        assert!(!keep(unit, &[disk(SDA, EscrowTest::Opens, Some(2))], 3, 93)?);
        Ok(())
    })
    .await;
}

pub(crate) async fn what_failed_waits_a_day(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    let never = [disk(SDA, EscrowTest::Never, None)];
    write(&store, move |unit| {
        assert!(keep(unit, &never, 1, 10)?);
        let prepare = send(unit, 14, 11)?;
        let refused = answer(&prepare, 500, None, Vec::new());
        take(unit, &prepare, refused, 12)?;
        assert!(!keep(unit, &never, 2, 13)?);
        assert!(!keep(unit, &never, 2, DAY)?);
        assert!(keep(unit, &never, 2, DAY + 12)?);
        // The recovery is done, and the device soon does not know the passcode: it is not asked in every session.
        recover(unit, 14, DAY + 20, &opens(false, &[SDA]))?;
        settle_finish(unit, 14, DAY + 22)?;
        assert!(!keep(unit, &never, 3, DAY + 23)?);
        // A new enrolment starts without the wait.
        let device = ManagedDevice { recoverability: never.to_vec(), ..linux_device(1, 14) };
        let later = Enrollment { created: at(DAY + 24), ..enrollment(1, 14) };
        assert!(keep_disk_escrowed(unit, &device, &later, action_id(3), at(DAY + 25))?);
        Ok(())
    })
    .await;
}

pub(crate) async fn what_a_person_asks_for_is_not_swallowed_by_what_the_server_does_by_itself(backend: &dyn Backend) {
    // The progress of the recovery of the disk alone -> the result of a request for every lock.
    for (steps, expected) in [
        (0, Done(Begun::Opened(action_id(2)))),
        (1, Done(Begun::Opened(action_id(2)))),
        (2, RefusedAndRecorded(ActionRefusal::RecoveryUnderWay.into())),
        (3, Done(Begun::Opened(action_id(2)))),
    ] {
        let store = with_linux(backend.fresh()).await;
        let begun = write(&store, move |unit| {
            assert!(keep(unit, &[disk(SDA, EscrowTest::Never, None)], 1, 1)?);
            if steps > 0 {
                let prepare = send(unit, 14, 2)?;
                if steps > 1 {
                    take(unit, &prepare, answer(&prepare, 200, Some("sealed:a"), Vec::new()), 3)?;
                    let apply = send(unit, 14, 4)?;
                    if steps > 2 {
                        take(unit, &apply, answer(&apply, 200, None, opens(true, &[SDA])), 5)?;
                    }
                }
            }
            ask(unit, 1, 14, 2, None)
        });
        assert_eq!(begun.await, expected, "after {steps} steps");
        let (first, _) = held(&store, 1).await;
        let state = [ActionState::Canceled, ActionState::Canceled, ActionState::Active, ActionState::Done][steps];
        assert_eq!(first.state, state, "after {steps} steps");
        if matches!(expected, Done(Begun::Opened(_))) {
            assert_eq!(held(&store, 2).await.0.locks, [Lock::Login, Lock::Luks2]);
        }
    }
}
