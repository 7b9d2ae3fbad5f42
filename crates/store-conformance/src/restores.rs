//! Accepting an older database: what ends, and what counts again.

use chaveiro_core::caller::{Actor, HostUser};
use chaveiro_core::decisions::disclose_passcode::{Ask, disclose};
use chaveiro_core::decisions::restore::{Accepted, Restored, accept, confirm};
use chaveiro_core::decisions::revocation::require_valid;
use chaveiro_core::enrollment::EnrollmentToken;
use chaveiro_core::escrow::UNTIL_REPLACED;
use chaveiro_core::id::RequestId;
use chaveiro_core::lock::EscrowTest;
use chaveiro_core::refusal::Withheld;
use chaveiro_core::sign_in::{SignIn, Standing};

use crate::Backend;
use crate::identity::sign_in;
use crate::linux::{action_id, held, opens, recover, settle_finish};
use crate::sample::{ask, at, caller, device_id, disk, outcome, read, tenant_id, uuid, with_linux, write};

fn accepted(moved: bool) -> Accepted {
    Accepted { doubt: "it ends at commit 7".to_owned(), kind: "older", reason: "the disk failed".to_owned(), moved }
}

fn token(of: u64, byte: u8, expires: u64) -> EnrollmentToken {
    let (tenant, expires) = (tenant_id(of), at(expires));
    EnrollmentToken {
        token_sha256: [byte; 32],
        tenant,
        user: None,
        replaces: None,
        created: at(1),
        expires,
        used: None,
    }
}

pub(crate) async fn a_restore_marks_every_result_and_ends_what_could_have_been_ended_since(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    write(&store, |unit| {
        // One result that was read, one that was not, one of a disk, and an open recovery.
        for (number, second, login, disks) in
            [(1, 10, true, &[][..]), (2, 20, true, &[]), (3, 30, false, &["/dev/sda3"])]
        {
            _ = ask(unit, 1, 14, number, None)?;
            recover(unit, 14, second, &opens(login, disks))?;
            settle_finish(unit, 14, second + 2)?;
        }
        _ = ask(unit, 1, 15, 4, None)?;
        for (byte, expires) in [(1, 10_000), (2, 40)] {
            unit.insert_enrollment_token(&token(1, byte, expires))?;
        }
        unit.insert_enrollment_token(&token(2, 3, 10_000))?;
        // One waits, one is signed in, and one was over before.
        for (number, standing, expires) in
            [(1_u8, Standing::Pending, 900), (2, Standing::Active, 900), (3, Standing::Active, 40)]
        {
            let refresh_sha256 = (standing == Standing::Active).then_some([number; 32]);
            let begun = sign_in(1, number.into());
            unit.insert_sign_in(&SignIn { standing, refresh_sha256, expires: at(expires), ..begun })?;
        }
        let action = unit.action(tenant_id(1), action_id(1))?.unwrap_or_else(|| panic!("no action"));
        disclose(unit, &Ask::new(&caller(1, "ana"), &action, RequestId(uuid(6, 1))), at(45)).map(drop)
    })
    .await;
    let before = |second| {
        let caller = chaveiro_core::caller::Caller { issued: Some(at(second)), ..caller(1, "ana") };
        store.read(move |view| require_valid(view, &caller))
    };
    assert!(before(49).await.is_ok());

    let done = write(&store, |unit| {
        Ok(accept(unit, &accepted(false), &Actor::operator(&HostUser::new("root", 0)), uuid(9, 1), at(50))?)
    })
    .await;
    let expected = Restored { results: 3, sign_ins: 2, enrollment_tokens: 1, windows: 1 };
    assert_eq!(done.iter().find(|(tenant, _)| *tenant == tenant_id(1)).map(|(_, done)| *done), Some(expected));
    for (number, marked) in [(1, Some(at(50))), (2, Some(at(50))), (3, Some(at(50))), (4, None)] {
        assert_eq!(held(&store, number).await.0.before_restore, marked, "{number}");
    }
    assert!(before(50).await.is_err() && before(55).await.is_ok(), "earlier tokens have ended, of every party");
    for (byte, expires) in [(1, at(50)), (2, at(40)), (3, at(50))] {
        let found = read(&store, move |view| Ok(view.enrollment_token(&[byte; 32])?)).await;
        assert_eq!(found.map(|token| token.expires), Some(expires), "{byte}");
    }
    let sign_ins = read(&store, |view| Ok(view.sign_ins(tenant_id(1))?)).await;
    let left: Vec<_> = sign_ins.iter().map(|one| (one.standing, one.refresh_sha256.is_some())).collect();
    assert_eq!(left, [(Standing::Ended, false), (Standing::Ended, false), (Standing::Active, true)]);
    let (action, secrets) = held(&store, 1).await;
    assert_eq!(secrets[0].expires, at(50));
    let again = write(&store, move |unit| {
        disclose(unit, &Ask::new(&caller(1, "ana"), &action, RequestId(uuid(6, 2))), at(51))
            .map(|shown| shown.map(drop))
    });
    assert_eq!(outcome(again.await), Err(Withheld::WindowOver));
    // An unread passcode is shown even so, and the passcode of a disk stays.
    assert!(held(&store, 2).await.1[0].expires > at(50));
    assert_eq!(held(&store, 3).await.1[0].expires, UNTIL_REPLACED);
    let alerts = read(&store, |view| Ok(view.alerts(10)?)).await;
    let told = alerts.iter().filter(|alert| alert.news.name() == "chaveiro.restore_accepted").count();
    let tenants = read(&store, |view| Ok(view.tenants()?)).await;
    assert_eq!(told, tenants.len(), "every tenant has an alert");
}

pub(crate) async fn a_directory_that_was_only_moved_loses_nothing(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    write(&store, |unit| {
        _ = ask(unit, 1, 14, 1, None)?;
        recover(unit, 14, 10, &opens(true, &[]))?;
        unit.insert_enrollment_token(&token(1, 1, 10_000))?;
        Ok(accept(unit, &accepted(true), &Actor::operator(&HostUser::new("root", 0)), uuid(9, 1), at(50))?)
    })
    .await;
    assert_eq!(held(&store, 1).await.0.before_restore, None);
    let kept = read(&store, |view| Ok(view.enrollment_token(&[1; 32])?)).await;
    assert_eq!(kept.map(|token| token.expires), Some(at(10_000)));
}

pub(crate) async fn a_device_confirms_the_results_that_still_open_its_locks(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    write(&store, |unit| {
        for (number, second, disks) in [(1, 10, &["/dev/sda3", "/dev/sdb1"][..]), (2, 20, &["/dev/sda3"])] {
            _ = ask(unit, 1, 14, number, None)?;
            recover(unit, 14, second, &opens(false, disks))?;
            settle_finish(unit, 14, second + 2)?;
        }
        Ok(accept(unit, &accepted(false), &Actor::operator(&HostUser::new("root", 0)), uuid(9, 1), at(50))?)
    })
    .await;
    // The device's reports on its disks, and which results they make certain.
    use EscrowTest::{Changed, Opens};
    for (first, second, certain) in [
        ((Opens, 9), (Opens, 8), [false, false]),
        ((Changed, 2), (Opens, 1), [false, false]),
        ((Opens, 2), (Opens, 1), [false, true]),
        ((Opens, 1), (Changed, 1), [false, true]),
        ((Opens, 1), (Opens, 1), [true, true]),
    ] {
        write(&store, move |unit| {
            let mut device = unit.device(tenant_id(1), device_id(14))?.unwrap_or_else(|| panic!("no device"));
            device.recoverability =
                vec![disk("/dev/sda3", first.0, Some(first.1)), disk("/dev/sdb1", second.0, Some(second.1))];
            Ok(confirm(unit, &device, at(60))?)
        })
        .await;
        for (number, certain) in [1, 2].into_iter().zip(certain) {
            let action = held(&store, number).await.0;
            assert_eq!(action.before_restore.is_none(), certain, "{first:?} {second:?}: {number}");
            assert_eq!(action.verified == Some(at(60)), certain, "{first:?} {second:?}: {number}");
        }
    }
    // Another device's report proves nothing.
    write(&store, |unit| {
        accept(unit, &accepted(false), &Actor::operator(&HostUser::new("root", 0)), uuid(9, 2), at(70))?;
        let mut other = unit.device(tenant_id(1), device_id(15))?.unwrap_or_else(|| panic!("no device"));
        other.recoverability = vec![disk("/dev/sda3", Opens, Some(2))];
        Ok(confirm(unit, &other, at(80))?)
    })
    .await;
    assert_eq!(held(&store, 2).await.0.before_restore, Some(at(70)));
}
