//! Tenants.

use std::sync::Arc;

use chaveiro_core::alert::News;
use chaveiro_core::audit::{Activity, AuditEvent};
use chaveiro_core::caller::{Actor, HostUser};
use chaveiro_core::decisions::change_tenant::{Ask, Change, change};
use chaveiro_core::ports::{Store, StoreError};
use chaveiro_core::refusal::ResourceRefusal;
use chaveiro_core::tenant::{Licence, TenantSettings};
use chaveiro_core::{Fault, Refusal};
use futures_util::FutureExt;

use crate::Backend;
use crate::sample::{at, filled, joined, read, tenant, tenant_id, uuid, write};

pub(crate) async fn a_tenant_comes_back_as_it_was_written(backend: &dyn Backend) {
    let store = backend.fresh();
    write(&store, |unit| {
        unit.insert_tenant(&tenant(2))?;
        unit.insert_tenant(&tenant(1))?;
        let changed = chaveiro_core::tenant::Tenant { licence: Licence::Inactive, entra_tenant: None, ..tenant(1) };
        Ok(unit.update_tenant(&changed)?)
    })
    .await;
    let tenants = read(&store, |view| Ok(view.tenants()?)).await;
    assert_eq!(tenants.iter().map(|tenant| tenant.id).collect::<Vec<_>>(), [tenant_id(2), tenant_id(1)], "in order");
    assert_eq!(tenants[0], tenant(2));
    assert_eq!((tenants[1].licence, tenants[1].entra_tenant), (Licence::Inactive, None));
    assert_eq!(read(&store, |view| Ok(view.tenant(tenant_id(9))?)).await, None);
}

pub(crate) async fn the_same_key_twice_is_a_duplicate(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let again = store.write(|unit| Ok(unit.insert_tenant(&tenant(1))?)).await;
    assert!(matches!(again, Err(Fault::Store(StoreError::Duplicate("tenant")))), "{again:?}");
}

fn asked(number: u64) -> Ask {
    Ask {
        by: Actor::operator(&HostUser::new("ana", 1000)),
        tenant: tenant_id(1),
        at: at(number),
        about: uuid(9, number),
    }
}

async fn set(store: &Arc<dyn Store>, number: u64, set: impl Fn(&mut TenantSettings) + Send + 'static) -> Vec<Change> {
    let changed = write(store, move |unit| {
        change(unit, &asked(number), |tenant| {
            set(&mut tenant.settings);
            Ok::<(), Refusal>(())
        })
    });
    changed.await.1
}

pub(crate) async fn each_setting_is_changed_recorded_and_told_in_one_unit_of_work(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let changes = set(&store, 1, |of| (of.hold.recoveries, of.must_change) = (7, true)).await;
    let changes: Vec<_> =
        changes.iter().map(|change| (change.setting.as_str(), change.before.as_str(), change.after.as_str())).collect();
    assert_eq!(changes, [("hold.recoveries", "0", "7"), ("mustChange", "false", "true")]);
    assert_eq!(set(&store, 2, |of| of.must_change = true).await, [], "what is so already changes nothing");
    let told = read(&store, |view| Ok(view.alerts(10)?)).await;
    assert_eq!(told, [], "more protection raises no alert");
    set(&store, 3, |of| (of.hold.recoveries, of.reading.passcodes) = (0, 0)).await;
    let told = read(&store, |view| Ok(view.alerts(10)?)).await;
    let News::ProtectionLowered { settings } = &told[0].news else { panic!("{told:?}") };
    let lowered: Vec<_> =
        settings.iter().map(|one| (one.setting.as_str(), one.before.as_str(), one.after.as_str())).collect();
    assert_eq!(lowered, [("hold.recoveries", "7", "0"), ("reading.passcodes", "100", "0")]);
    assert_eq!((told.len(), told[0].actor.user_principal_name.as_deref()), (1, Some("ana")));

    let events = read(&store, |view| Ok(view.unchained_events(100)?)).await;
    let details: Vec<_> = events
        .iter()
        .map(|stored| {
            let event: AuditEvent = serde_json::from_str(&stored.body).expect("an event");
            assert_eq!(event.activity, Activity::TenantChanged);
            event.details.into_iter().map(|(_, value)| value).collect::<Vec<_>>()
        })
        .collect();
    let expected = [
        ["hold.recoveries", "0", "7"],
        ["mustChange", "false", "true"],
        ["hold.recoveries", "7", "0"],
        ["reading.passcodes", "100", "0"],
    ];
    assert_eq!(details, expected);

    // A refused change leaves nothing behind.
    let before = read(&store, |view| Ok(view.tenant(tenant_id(1))?)).await;
    let refused = store.write(|unit| {
        change(unit, &asked(4), |tenant| {
            tenant.settings.must_change = false;
            Err(Refusal::from(ResourceRefusal::Changed))
        })
    });
    assert!(matches!(refused.await, Err(Fault::Refused(Refusal::Resource(ResourceRefusal::Changed)))));
    assert_eq!(read(&store, |view| Ok(view.tenant(tenant_id(1))?)).await, before);
}

pub(crate) async fn changes_of_different_settings_at_once_all_stay(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let nodes = [Arc::clone(&store), backend.another()];
    for round in 1..=8 {
        let both = [
            set(&nodes[0], 10 * round, move |of| of.action_expiry_s = 100_000 + round).boxed(),
            set(&nodes[1], 10 * round + 1, move |of| of.reading.window_s = 10_000 + round).boxed(),
        ];
        joined(both.into()).await;
        let settings = read(&store, |view| Ok(view.tenant(tenant_id(1))?)).await.expect("a tenant").settings;
        assert_eq!((settings.action_expiry_s, settings.reading.window_s), (100_000 + round, 10_000 + round));
    }
}
