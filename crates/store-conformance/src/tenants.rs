//! Tenants.

use chaveiro_core::Fault;
use chaveiro_core::ports::StoreError;
use chaveiro_core::tenant::Licence;

use crate::Backend;
use crate::sample::{filled, read, tenant, tenant_id, write};

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
