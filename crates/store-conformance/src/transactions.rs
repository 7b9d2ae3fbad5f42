//! Units of work: all or nothing, alone, durable.

use std::sync::Arc;

use chaveiro_core::audit::{Activity, AuditEvent};
use chaveiro_core::caller::Actor;
use chaveiro_core::ports::{DeviceScope, StoreError};
use chaveiro_core::query::Listing;
use chaveiro_core::refusal::DeviceRefusal;
use chaveiro_core::scope_tag::Visibility;
use chaveiro_core::{Decided, Fault};
use chaveiro_core::{Refusal, Timestamp};

use crate::Backend;
use crate::sample::{at, device, device_id, enrollment_id, filled, joined, read, tenant, tenant_id, write};

pub(crate) async fn what_is_refused_leaves_nothing_behind(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let refused: Result<(), Fault> = store
        .write(|unit| {
            unit.insert_device(&device(1, 50))?;
            unit.close_enrollment(enrollment_id(11), at(5))?;
            Err(DeviceRefusal::Retired.into())
        })
        .await;
    assert!(matches!(refused, Err(Fault::Refused(Refusal::Device(DeviceRefusal::Retired)))));
    read(&store, |view| {
        assert_eq!(view.device(tenant_id(1), device_id(50))?, None);
        assert!(view.open_enrollment(tenant_id(1), device_id(11))?.is_some());
        Ok(())
    })
    .await;
}

pub(crate) async fn a_refusal_that_is_recorded_keeps_its_record_and_another_leaves_none(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let event = |second| AuditEvent::new(tenant_id(1), at(second), Actor::system(), Activity::ActionRefused);
    let recorded = store.write(move |unit| {
        unit.append_audit(&event(1))?;
        Ok(Decided::<()>::RefusedAndRecorded(DeviceRefusal::Retired.into()))
    });
    assert_eq!(recorded.await.ok(), Some(Decided::RefusedAndRecorded(DeviceRefusal::Retired.into())));
    let undone: Result<Decided<()>, Fault> = store
        .write(move |unit| {
            unit.append_audit(&event(2))?;
            Err(DeviceRefusal::Retired.into())
        })
        .await;
    assert!(matches!(undone, Err(Fault::Refused(Refusal::Device(DeviceRefusal::Retired)))));
    // A refusal of another kind is undone in the same way.
    let undone: Result<(), Fault<&str>> = store
        .try_write(move |unit| {
            unit.append_audit(&event(3))?;
            Err(Fault::Refused("no"))
        })
        .await;
    assert!(matches!(undone, Err(Fault::Refused("no"))));
    let kept = read(&store, |view| Ok(view.unchained_events(10)?)).await;
    let kept: Vec<AuditEvent> =
        kept.iter().map(|stored| serde_json::from_str(&stored.body).expect("an event")).collect();
    assert_eq!(kept, [event(1)]);
}

pub(crate) async fn a_panic_is_undone_and_its_neighbours_survive(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let units: Vec<_> = (0..30)
        .map(|number| {
            let store = Arc::clone(&store);
            async move {
                let work = store.write(move |unit| {
                    unit.insert_device(&device(1, 100 + number))?;
                    match number % 3 {
                        0 => Ok(()),
                        1 => Err(DeviceRefusal::Retired.into()),
                        _ => std::panic::resume_unwind(Box::new("on purpose")),
                    }
                });
                work.await
            }
        })
        .collect();
    for (number, outcome) in joined(units).await.into_iter().enumerate() {
        match (number % 3, outcome) {
            (0, Ok(())) | (1, Err(Fault::Refused(_))) | (2, Err(Fault::Store(StoreError::Inconsistent(_)))) => {}
            (_, other) => panic!("{number}: {other:?}"),
        }
    }
    read(&store, |view| {
        for number in 0..30 {
            let there = view.device(tenant_id(1), device_id(100 + number))?.is_some();
            assert_eq!(there, number % 3 == 0, "{number}");
        }
        Ok(())
    })
    .await;
}

pub(crate) async fn a_unit_of_work_sees_its_own_writes_and_a_reading_sees_one_moment(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    write(&store, |unit| {
        unit.insert_device(&device(1, 50))?;
        assert!(unit.device(tenant_id(1), device_id(50))?.is_some());
        Ok(())
    })
    .await;
    // While one unit reads twice, another writes: both reads agree.
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let count = |view: &dyn chaveiro_core::ports::View| -> Result<usize, Fault> {
        Ok(view.devices(tenant_id(1), DeviceScope::all(), &Visibility::All, &Listing::first(1000))?.items.len())
    };
    let reading = store.read(move |view| {
        let before = count(view)?;
        // Bounded, so that a store that serialises readers and writers still finishes.
        let _ = told.recv_timeout(std::time::Duration::from_secs(2));
        Ok((before, count(view)?))
    });
    let writing = async {
        let written = store.write(|unit| Ok(unit.insert_device(&device(1, 51))?)).await;
        let _ = tell.send(());
        written
    };
    let (read_twice, written) = futures_util::future::join(reading, writing).await;
    written.unwrap_or_else(|fault| panic!("{fault}"));
    let (before, after) = read_twice.unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(before, after);
}

pub(crate) async fn concurrent_units_of_work_all_happen_once(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let units: Vec<_> = (0..200)
        .map(|_| {
            let store = Arc::clone(&store);
            async move {
                let work = store.write(|unit| {
                    let mut row = unit.tenant(tenant_id(1))?.unwrap_or_else(|| panic!("no tenant"));
                    row.settings.disclosure_window_s += 1;
                    Ok(unit.update_tenant(&row)?)
                });
                work.await
            }
        })
        .collect();
    for outcome in joined(units).await {
        outcome.unwrap_or_else(|fault| panic!("{fault}"));
    }
    let row = read(&store, |view| Ok(view.tenant(tenant_id(1))?)).await;
    let window = row.map(|row| row.settings.disclosure_window_s);
    assert_eq!(window, Some(tenant(1).settings.disclosure_window_s + 200), "no update is lost");
}

pub(crate) async fn what_was_answered_is_there_after_reopening(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    write(&store, |unit| Ok(unit.insert_device(&device(1, 50))?)).await;
    let store = backend.reopen(store);
    assert_eq!(read(&store, |view| Ok(view.device(tenant_id(1), device_id(50))?)).await, Some(device(1, 50)));
    write(&store, |unit| Ok(unit.insert_device(&device(1, 51))?)).await;
}

pub(crate) async fn a_dry_run_decides_as_a_unit_of_work_does_and_writes_nothing(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let found = store.write_nothing(|unit| Ok(unit.device(tenant_id(1), device_id(11))?.is_some())).await;
    assert!(matches!(found, Ok(Some(true))), "it reads");
    let wrote = store.write_nothing(|unit| {
        assert!(unit.open_enrollment(tenant_id(1), device_id(11))?.is_some());
        unit.insert_device(&device(1, 50))?;
        panic!("a write went on");
    });
    let wrote: Result<Option<()>, Fault> = wrote.await;
    assert!(matches!(wrote, Ok(None)), "it stops at the first write: {wrote:?}");
    let refused: Result<Option<()>, Fault> = store.write_nothing(|_| Err(DeviceRefusal::Retired.into())).await;
    assert!(matches!(refused, Err(Fault::Refused(_))), "a refusal is a decision");
    assert_eq!(read(&store, |view| Ok(view.device(tenant_id(1), device_id(50))?)).await, None);
    write(&store, |unit| Ok(unit.insert_device(&device(1, 50))?)).await;
}

pub(crate) async fn a_unit_of_work_is_told_one_time_and_a_later_one_no_earlier_time(backend: &dyn Backend) {
    let store = backend.fresh();
    let tell = || {
        write(&store, |unit| {
            let [first, second] = [unit.now()?, unit.now()?];
            assert_eq!(first, second);
            Ok(first)
        })
    };
    let (earlier, later) = (tell().await, tell().await);
    assert!(Timestamp::UNIX_EPOCH < earlier && earlier <= later, "{earlier} {later}");
}
