//! Verbs about devices: a Graph client of the running server, as any script would be.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use chaveiro_core::actions::recover_passcode::RECOVER_PASSCODE;
use chaveiro_core::decisions::change_device::Change;
use chaveiro_core::id::{DeviceId, TenantId};
use chaveiro_core::inventory::InventoryField;
use chaveiro_core::permission::Permission;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Method;
use serde_json::{Value, json};

use crate::args::{Common, Device, DeviceList, Why};
use crate::client::{GraphClient, signed_in_elsewhere};
use crate::host::Host;
use crate::lookup::DEVICES;
use crate::obstacle;
use crate::out::Out;
use crate::verbs::{device_list, enroll_token};
use chaveiro_lang::{Text, text};

/// The permissions of a verb that looks.
pub(crate) const READ: &[Permission] = &[Permission::ManagedDevicesReadAll];

/// The permissions of a verb that recovers, or shows a passcode.
const PRIVILEGED: &[Permission] = &[Permission::PrivilegedOperationsAll, Permission::ManagedDevicesReadAll];

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
                    out.line(&format!("{:<22} {}", property(name).say(out.lang), out.cell(name, &found[name])));
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

pub(crate) async fn recover(
    common: &Common,
    out: Out,
    device: &str,
    wait: bool,
    show: bool,
    timeout_s: u64,
    why: &Why,
) -> Result<ExitCode> {
    let client = client(common, PRIVILEGED).await?.saying(why)?;
    let id = client.device_id(device).await?;
    client.expect(Method::POST, &format!("{DEVICES}/{id}/{}", RECOVER_PASSCODE.name), None).await?;
    if !wait {
        out.say(text!("accepted", device = device), &json!({"id": id, "accepted": true}));
        return Ok(ExitCode::SUCCESS);
    }
    out.text(text!("accepted", device = device));
    let newest = wait_for(&client, out, &id, timeout_s).await?;
    let newest = if show { newest_recovery(&client, &id, true).await?.unwrap_or(newest) } else { newest };
    print_results(out, std::slice::from_ref(&newest));
    Ok(if newest["actionState"] == "done" { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

/// Asks until the newest recovery has ended.
async fn wait_for(client: &GraphClient, out: Out, id: &str, timeout_s: u64) -> Result<Value> {
    let spinner = if out.json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        spinner.set_style(style);
    }
    spinner.set_message(text!("waiting").say(out.lang));
    spinner.enable_steady_tick(Duration::from_millis(120));
    for _ in 0..timeout_s.saturating_mul(2).max(1) {
        if let Some(newest) = newest_recovery(client, id, false).await? {
            let open = ["pending", "active"].iter().any(|state| newest["actionState"] == **state);
            if !open {
                spinner.finish_and_clear();
                return Ok(newest);
            }
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    spinner.finish_and_clear();
    bail!(text!("device-silent", seconds = timeout_s, id = id))
}

/// The newest result of a recovery; other actions have results beside it.
async fn newest_recovery(client: &GraphClient, id: &str, show: bool) -> Result<Option<Value>> {
    let is_recovery = |result: &Value| result["actionName"] == RECOVER_PASSCODE.name;
    Ok(results(client, id, show).await?.into_iter().find(is_recovery))
}

/// The results of a device. Only naming them in `$select` shows a passcode, and records that it was shown.
async fn results(client: &GraphClient, id: &str, show: bool) -> Result<Vec<Value>> {
    let select = if show { "?$select=deviceActionResults" } else { "" };
    let mut device = client.expect(Method::GET, &format!("{DEVICES}/{id}{select}"), None).await?;
    match device["deviceActionResults"].take() {
        Value::Array(results) => Ok(results),
        _ => Ok(Vec::new()),
    }
}

pub(crate) async fn action(common: &Common, out: Out, device: &str, show: bool, why: &Why) -> Result<()> {
    let client = client(common, if show { PRIVILEGED } else { READ }).await?.saying(why)?;
    let id = client.device_id(device).await?;
    let mut results = results(&client, &id, show).await?;
    // Without `--show` the command asks for no more rights than it needs. The reader has to name `--show`, not a permission.
    for withheld in results.iter_mut().filter(|_| !show).map(|result| &mut result["chaveiro_passcodeWithheld"]) {
        if withheld == "missingPermission" {
            *withheld = Value::from("notSelected");
        }
    }
    print_results(out, &results);
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

fn print_results(out: Out, results: &[Value]) {
    let mut columns = vec![
        (text!("title-action"), "actionName"),
        (text!("title-state"), "actionState"),
        (text!("title-outcome"), "chaveiro_outcome"),
        (text!("title-device-status"), "chaveiro_deviceStatus"),
        (text!("title-passcode"), "passcode"),
        (text!("title-withheld"), "chaveiro_passcodeWithheld"),
        (text!("title-updated"), "lastUpdatedDateTime"),
    ];
    // Not every device says these, and the table is wide as it is.
    const BEFORE_RESTORE: &str = "chaveiro_beforeRestoreDateTime";
    let rare = [
        (text!("title-uncertain"), "chaveiro_passcodeUncertain"),
        (text!("title-opens"), "chaveiro_opens"),
        (text!("title-reason"), "chaveiro_deviceReason"),
        (text!("title-before-restore"), BEFORE_RESTORE),
    ];
    for column in rare {
        let told = |value: &Value| match value {
            Value::Null | Value::Bool(false) => false,
            Value::Array(items) => !items.is_empty(),
            _ => true,
        };
        if results.iter().any(|result| told(&result[column.1])) {
            columns.push(column);
        }
    }
    out.list(&columns, results);
    let doubted = results.iter().find(|result| result[BEFORE_RESTORE].is_string());
    if let Some(result) = doubted {
        out.text(text!("before-restore", at = out.cell(BEFORE_RESTORE, &result[BEFORE_RESTORE])));
    }
    let warned = |result: &Value| result["chaveiro_passcodeUncertain"] == true && !result["passcode"].is_null();
    if results.iter().any(warned) {
        out.text(text!("passcode-uncertain"));
    }
}
