//! Verbs about devices: a Graph client of the running server, as any script would be.

use std::time::Duration;

use anyhow::Result;
use chaveiro_core::decisions::change_device::Change;
use chaveiro_core::id::{DeviceId, TenantId};
use chaveiro_core::inventory::InventoryField;
use chaveiro_core::permission::Permission;
use reqwest::Method;
use serde_json::{Value, json};

use crate::args::{Common, Device, DeviceList};
use crate::client::{GraphClient, signed_in_elsewhere};
use crate::host::Host;
use crate::lookup::DEVICES;
use crate::obstacle;
use crate::out::Out;
use crate::table::entry;
use crate::verbs::{device_list, enroll_token};
use chaveiro_lang::{Text, text};

/// The permissions of a verb that looks.
pub(crate) const READ: &[Permission] = &[Permission::ManagedDevicesReadAll];

/// Members of a device that a person wants to see first.
const SHOWN: [&str; 12] = [
    "id",
    "deviceName",
    "operatingSystem",
    "osVersion",
    "manufacturer",
    "model",
    "serialNumber",
    "userPrincipalName",
    "managementState",
    "managementAgent",
    "enrolledDateTime",
    "lastSyncDateTime",
];

/// The server of this host; on a machine that is none, the server where the person is signed in.
pub(crate) async fn client(common: &Common, permissions: &[Permission]) -> Result<GraphClient> {
    if let Some(client) = signed_in_elsewhere(common).await? {
        return Ok(client);
    }
    let host = Host::open(common)?;
    let tenant = host.tenant(common.tenant.as_deref()).await?;
    GraphClient::operator(&host, tenant.id, permissions).await
}

pub(crate) async fn device(common: &Common, out: Out, verb: &Device) -> Result<()> {
    match verb {
        Device::List(DeviceList { without_certificate: true, .. }) => {
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
        }
        Device::List(asked) => device_list::list(common, out, asked).await?,
        Device::Show { device } => {
            let client = client(common, READ).await?;
            let id = client.device_id(device).await?;
            let found = client.expect(Method::GET, &format!("{DEVICES}/{id}"), None).await?;
            if out.json {
                out.value(&found);
            } else {
                for name in SHOWN {
                    let title = format!("{:<22} ", property(name).say(out.lang));
                    let lines = entry(&title, &out.cell(name, &found[name]), "", out.width());
                    lines.iter().for_each(|line| out.line(line));
                }
            }
        }
        Device::Recoverability { device } => {
            let client = client(common, READ).await?;
            let id = client.device_id(device).await?;
            let select = "?$select=deviceName,operatingSystem,chaveiro_recoverability";
            let found = client.expect(Method::GET, &format!("{DEVICES}/{id}{select}"), None).await?;
            print_recoverability(out, &found);
        }
        Device::EnrollToken { user, replace, hours } => {
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
        Device::Comanage { device, off } => {
            let host = Host::open(common)?;
            let tenant = host.tenant(common.tenant.as_deref()).await?;
            let id = id_on_host(&host, tenant.id, device).await?;
            host.change_device(tenant.id, id, Change::Comanaged(!off)).await?;
            let state = if *off { text!("no") } else { text!("yes") };
            out.say(text!("device-comanaged", state = state), &json!({"id": id, "comanaged": !off}));
        }
        Device::Tag { device, tags } => {
            let host = Host::open(common)?;
            let tenant = host.tenant(common.tenant.as_deref()).await?;
            let id = id_on_host(&host, tenant.id, device).await?;
            let change = Change::Tags(tags.iter().cloned().collect());
            let tags = host.change_device(tenant.id, id, change).await?.scope_tags;
            let shown = tags.iter().cloned().collect::<Vec<_>>().join(", ");
            out.say(text!("device-tagged", tags = &shown), &json!({"id": id, "scopeTags": tags}));
        }
        Device::Retire { device } => {
            let client = client(common, &[Permission::ManagedDevicesReadWriteAll]).await?;
            let id = client.device_id(device).await?;
            client.expect(Method::DELETE, &format!("{DEVICES}/{id}"), None).await?;
            out.say(text!("device-retired"), &json!({"id": id, "managementState": "retireIssued"}));
        }
    }
    Ok(())
}

/// The device of that id, without asking anybody, or of that name, which the running server knows.
async fn id_on_host(host: &Host, tenant: TenantId, device: &str) -> Result<DeviceId> {
    match device.parse() {
        Ok(id) => Ok(id),
        Err(_) => Ok(GraphClient::operator(host, tenant, READ).await?.device_id(device).await?.parse()?),
    }
}

fn print_recoverability(out: Out, device: &Value) {
    let locks = device["chaveiro_recoverability"].as_array().cloned().unwrap_or_default();
    if out.json {
        return out.value(&Value::from(locks));
    }
    if !locks.is_empty() {
        let rows: Vec<_> = locks.iter().map(|entry| obstacle::row(entry, out.lang)).collect();
        return out.list(&obstacle::COLUMNS, &rows);
    }
    let [device, system] = ["deviceName", "operatingSystem"].map(|name| out.cell(name, &device[name]));
    out.text(match system == "Linux" {
        true => text!("locks-not-yet-told", device = device, system = system),
        false => text!("locks-untold", device = device, system = system),
    });
}

/// The name of a property of a device.
fn property(name: &str) -> Text {
    text!("property", name = name)
}
