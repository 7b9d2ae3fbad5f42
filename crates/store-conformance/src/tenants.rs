//! Tenants and applications.

use chaveiro_core::Fault;
use chaveiro_core::id::ApplicationId;
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::StoreError;
use chaveiro_core::tenant::{Application, Licence};

use crate::Backend;
use crate::sample::{at, filled, read, tenant, tenant_id, uuid, write};

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

fn application(number: u64) -> Application {
    Application {
        tenant: tenant_id(1),
        id: ApplicationId(uuid(7, number)),
        display_name: "desk".to_owned(),
        permissions: vec![Permission::ManagedDevicesReadAll, Permission::PrivilegedOperationsAll],
        secret_hashes: vec!["sha256$00$00".to_owned()],
        created: at(1),
    }
}

pub(crate) async fn an_application_belongs_to_its_tenant(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    write(&store, |unit| {
        unit.insert_application(&application(1))?;
        unit.insert_application(&application(2))?;
        Ok(unit.update_application(&Application { secret_hashes: vec![], ..application(2) })?)
    })
    .await;
    let found = read(&store, |view| {
        let one = view.application(tenant_id(1), ApplicationId(uuid(7, 1)))?;
        let foreign = view.application(tenant_id(2), ApplicationId(uuid(7, 1)))?;
        Ok((one, foreign, view.applications(tenant_id(1))?, view.applications(tenant_id(2))?))
    })
    .await;
    assert_eq!((found.0, found.1), (Some(application(1)), None));
    assert_eq!((found.2.len(), found.2[1].secret_hashes.len(), found.3.len()), (2, 0, 0));
    write(&store, |unit| {
        unit.delete_application(tenant_id(2), ApplicationId(uuid(7, 1)))?;
        unit.delete_application(tenant_id(1), ApplicationId(uuid(7, 2)))?;
        Ok(())
    })
    .await;
    assert_eq!(read(&store, |view| Ok(view.applications(tenant_id(1))?)).await, [application(1)]);
}

pub(crate) async fn the_same_key_twice_is_a_duplicate(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let again = store.write(|unit| Ok(unit.insert_tenant(&tenant(1))?)).await;
    assert!(matches!(again, Err(Fault::Store(StoreError::Duplicate("tenant")))), "{again:?}");
}
