//! Verbs about devices: a Graph client of the running server, as any script would be.

use anyhow::Result;
use chaveiro_core::permission::Permission;
use reqwest::Method;
use serde_json::{Value, json};

#[cfg(feature = "host")]
use crate::args::DeviceList;
use crate::args::{Common, Device};
use crate::client::{GraphClient, signed_in_elsewhere};
use crate::lookup::DEVICES;
use crate::obstacle;
use crate::on_host;
use crate::out::Out;
use crate::verbs::device_list;
use chaveiro_lang::table::entry;
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
    match signed_in_elsewhere(common).await? {
        Some(client) => Ok(client),
        None => on_host::client(common, permissions).await,
    }
}

pub(crate) async fn device(common: &Common, out: Out, verb: &Device) -> Result<()> {
    match verb {
        #[cfg(feature = "host")]
        Device::List(DeviceList { without_certificate: true, .. }) => on_host::without_certificate(common, out).await?,
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
        Device::Retire { device } => {
            let client = client(common, &[Permission::ManagedDevicesReadWriteAll]).await?;
            let id = client.device_id(device).await?;
            client.expect(Method::DELETE, &format!("{DEVICES}/{id}"), None).await?;
            out.say(text!("device-retired"), &json!({"id": id, "managementState": "retireIssued"}));
        }
        #[cfg(feature = "host")]
        Device::OfHost(verb) => on_host::device(common, out, verb).await?,
    }
    Ok(())
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
