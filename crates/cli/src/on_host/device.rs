//! The verbs about devices that work in the data directory.

use std::time::Duration;

use anyhow::Result;
use chaveiro_core::decisions::change_device::Change;
use chaveiro_core::id::{DeviceId, TenantId};
use chaveiro_core::inventory::InventoryField;
use chaveiro_lang::text;
use serde_json::json;

use crate::args::{Common, HostDevice};
use crate::client::GraphClient;
use crate::host::Host;
use crate::out::Out;
use crate::verbs::device::READ;
use crate::verbs::enroll_token;

/// `device list --without-certificate`.
pub(crate) async fn without_certificate(common: &Common, out: Out) -> Result<()> {
    let host = Host::open(common)?;
    let tenant = host.tenant(common.tenant.as_deref()).await?;
    let devices = host.devices_without_certificate(tenant.id).await?;
    let rows: Vec<_> = devices
        .iter()
        .map(|device| {
            json!({
                "deviceName": device.inventory.text(InventoryField::DEVICE_NAME),
                "lastSyncDateTime": device.last_sync.to_string(),
                "id": device.id,
            })
        })
        .collect();
    out.list(
        &[
            (text!("title-name"), "deviceName"),
            (text!("title-last-sync"), "lastSyncDateTime"),
            (text!("title-id"), "id"),
        ],
        &rows,
    );
    Ok(())
}

pub(crate) async fn device(common: &Common, out: Out, verb: &HostDevice) -> Result<()> {
    match verb {
        HostDevice::EnrollToken { user, replace, hours } => {
            let host = Host::open(common)?;
            let tenant = host.tenant(common.tenant.as_deref()).await?;
            let lifetime = Duration::from_secs(hours.saturating_mul(3600));
            let replaces = match replace {
                Some(device) => Some(id_on_host(&host, tenant.id, device).await?),
                None => None,
            };
            let (token, expires) = host.enroll_token(tenant.id, user.as_deref(), replaces, lifetime).await?;
            enroll_token::tell(out, &host, &token, expires, replaces);
        }
        HostDevice::Comanage { device, off } => {
            let host = Host::open(common)?;
            let tenant = host.tenant(common.tenant.as_deref()).await?;
            let id = id_on_host(&host, tenant.id, device).await?;
            host.change_device(tenant.id, id, Change::comanaged(!off)).await?;
            let state = if *off { text!("no") } else { text!("yes") };
            out.say(text!("device-comanaged", state = state), &json!({"id": id, "comanaged": !off}));
        }
        HostDevice::Tag { device, tags } => {
            let host = Host::open(common)?;
            let tenant = host.tenant(common.tenant.as_deref()).await?;
            let id = id_on_host(&host, tenant.id, device).await?;
            let change = Change::tags(&tags.iter().cloned().collect());
            let tags = host.change_device(tenant.id, id, change).await?.scope_tags;
            let shown = tags.iter().cloned().collect::<Vec<_>>().join(", ");
            out.say(text!("device-tagged", tags = &shown), &json!({"id": id, "scopeTags": tags}));
        }
    }
    Ok(())
}

/// Returns the device of that id without a request, or of that name, for which it asks the running server.
async fn id_on_host(host: &Host, tenant: TenantId, device: &str) -> Result<DeviceId> {
    match device.parse() {
        Ok(id) => Ok(id),
        Err(_) => Ok(GraphClient::operator(host, tenant, READ).await?.device_id(device).await?.parse()?),
    }
}
