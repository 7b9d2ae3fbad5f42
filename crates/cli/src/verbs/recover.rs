//! `chaveiro recover` and `chaveiro action`: the verbs that change a passcode and show one.

use std::process::ExitCode;

use anyhow::Result;
use chaveiro_core::actions::recover_passcode::RECOVER_PASSCODE;
use chaveiro_core::permission::Permission;
use reqwest::Method;
use serde_json::Value;

use super::device::{READ, client};
use crate::args::{Common, Recover, Why};
use crate::client::GraphClient;
use crate::confirm;
use crate::lookup::DEVICES;
use crate::out::Out;
use crate::result::{self, is_open};
use crate::waiting::{Ended, Waiting};
use chaveiro_lang::{Text, text};

/// The permissions of a verb that recovers, or shows a passcode.
const PRIVILEGED: &[Permission] = &[Permission::PrivilegedOperationsAll, Permission::ManagedDevicesReadAll];

/// The exit code of a recovery that ended without a passcode.
const NOT_DONE: u8 = 3;

/// The exit code of a program that a person stopped.
const INTERRUPTED: u8 = 130;

pub(crate) async fn recover(common: &Common, out: Out, asked: &Recover) -> Result<ExitCode> {
    let client = client(common, PRIVILEGED).await?.saying(&asked.why)?;
    let id = client.device_id(&asked.device).await?;
    let path = format!("{DEVICES}/{id}");
    let look = || client.expect(Method::GET, &path, None);
    // For the eyes of a person; the request itself says what is refused.
    let before = look().await.ok();
    let open = before.as_ref().and_then(newest_recovery).filter(is_open);
    if open.is_none()
        && !asked.yes
        && !confirm::is_retired(before.as_ref())
        && confirm::is_possible(out)
        && !confirm::recovery(out, &asked.device, before.as_ref())
    {
        out.beside(&text!("nothing-asked").say(out.lang));
        return Ok(ExitCode::FAILURE);
    }
    client.expect(Method::POST, &format!("{path}/{}", RECOVER_PASSCODE.name), None).await?;
    let begun = look().await.ok().and_then(|after| newest_recovery(&after));
    let accepted = accepted(out, &asked.device, open.as_ref(), begun.as_ref());
    if !asked.wait && !asked.show {
        match out.json {
            true => out.value(&begun.into_iter().collect()),
            false => out.text(accepted),
        }
        return Ok(ExitCode::SUCCESS);
    }
    out.beside(&accepted.say(out.lang));
    let waiting = Waiting::new(&client, out, &asked.device, path);
    match waiting.for_end(asked.timeout, asked.show).await? {
        Ended::Result(ended) => {
            let is_done = ended["actionState"] == "done";
            result::print(out, &asked.device, &[ended]);
            Ok(if is_done { ExitCode::SUCCESS } else { ExitCode::from(NOT_DONE) })
        }
        Ended::Interrupted => Ok(ExitCode::from(INTERRUPTED)),
    }
}

/// The words for a request that was accepted: by a recovery that was open before, or by a new one.
fn accepted(out: Out, device: &str, open: Option<&Value>, begun: Option<&Value>) -> Text {
    let joined = open.filter(|open| begun.is_some_and(|begun| begun["chaveiro_actionId"] == open["chaveiro_actionId"]));
    match joined {
        Some(open) => {
            let who = open["chaveiro_requestedBy"].as_str().unwrap_or_default();
            text!("recovery-joined", device = device, who = who, at = out.cell("", &open["startDateTime"]))
        }
        None => text!("accepted", device = device),
    }
}

/// The newest recovery of a device; other actions have results beside it.
pub(crate) fn newest_recovery(device: &Value) -> Option<Value> {
    let results = device["deviceActionResults"].as_array()?;
    results.iter().find(|result| result["actionName"] == RECOVER_PASSCODE.name).cloned()
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
    result::print(out, device, &results);
    Ok(())
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
