//! Names that begin with a text, read from the data directory. They serve suggestions and completions on the host,
//! which ask no server and record nothing.

use std::sync::Arc;

use anyhow::Result;
use chaveiro_core::application::Application;
use chaveiro_core::device::ManagedDevice;
use chaveiro_core::id::TenantId;
use chaveiro_core::inventory::InventoryField;
use chaveiro_core::ports::{DeviceScope, DeviceSet, ResourceScope, Store};
use chaveiro_core::principal::{Principal, PrincipalKind};
use chaveiro_core::query::{DeviceField, Filter, Listing, MemberKind, ResourceField, Test, Value};
use chaveiro_core::resource::ResourceKind;
use chaveiro_core::scope_tag::Visibility;
use chaveiro_core::tenant::Tenant;
use chaveiro_lang::{beginning, nearest};

use crate::complete::MOST;
use crate::host::Host;

/// The names in a database, which is read alone.
pub(crate) struct Names(Arc<dyn Store>);

impl Names {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }

    /// The tenants.
    pub(crate) async fn tenants(&self) -> Result<Vec<Tenant>> {
        Ok(self.0.read(|view| Ok(view.tenants()?)).await?)
    }

    /// The applications of a tenant.
    pub(crate) async fn applications(&self, tenant: TenantId) -> Result<Vec<Application>> {
        Ok(self.0.read(move |view| Ok(view.applications(tenant)?)).await?)
    }

    /// Names of devices that begin so.
    pub(crate) async fn devices_beginning(&self, tenant: TenantId, begin: &str) -> Result<Vec<String>> {
        let listing = that_begin(DeviceField::DEVICE_NAME, begin);
        let read = self.0.read(move |view| {
            Ok(view.devices(tenant, DeviceScope::managed(DeviceSet::All), &Visibility::All, &listing)?.items)
        });
        let name = |device: &ManagedDevice| device.inventory.text(InventoryField::DEVICE_NAME).map(str::to_owned);
        Ok(read.await?.iter().filter_map(name).collect())
    }

    /// Principal names of users that begin so.
    pub(crate) async fn users_beginning(&self, tenant: TenantId, begin: &str) -> Result<Vec<String>> {
        let name = ResourceField::Member { name: "userPrincipalName", kind: MemberKind::Plain, absent: Value::Null };
        let listing = that_begin(name, begin);
        let read = self.0.read(move |view| {
            let users = ResourceScope::All(ResourceKind::User);
            Ok(view.resources(tenant, users, &Visibility::All, &listing)?.items)
        });
        Ok(read.await?.into_iter().filter_map(|user| user.alternate_key).collect())
    }
}

impl Host {
    /// The names that were perhaps meant by a principal that is not known.
    pub(crate) async fn principals_near(&self, tenant: TenantId, principal: &Principal) -> Result<Vec<String>> {
        let (text, names) = (&principal.text, self.names());
        Ok(match principal.kind {
            PrincipalKind::User => {
                let local = text.split('@').next().unwrap_or_default();
                let mut near = names.users_beginning(tenant, local).await?;
                near.extend(names.users_beginning(tenant, &beginning(local)).await?);
                nearest(text, near.iter().map(String::as_str)).into_iter().map(str::to_owned).collect()
            }
            // People know an application by its name, and an assignment knows it by its id.
            PrincipalKind::Application => {
                let is_named = |of: &&Application| of.display_name.eq_ignore_ascii_case(text);
                self.applications(tenant).await?.iter().filter(is_named).map(|of| of.id.to_string()).collect()
            }
            PrincipalKind::Group => Vec::new(),
        })
    }
}

fn that_begin<F>(field: F, begin: &str) -> Listing<F> {
    let filter = Filter::Is { field, test: Test::StartsWith(begin.to_owned()), holds: true };
    Listing { filter, ..Listing::first(MOST) }
}
