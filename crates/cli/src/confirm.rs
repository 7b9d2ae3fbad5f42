//! The question that a person answers before a passcode stops working.

use std::io::{IsTerminal, Write};

use chaveiro_lang::{Text, plain, text};
use serde_json::Value;

use crate::lookup::MANAGED;
use crate::out::Out;
use crate::result::lock_of;

/// Returns true if a person can be asked: every stream is a terminal. Scripts go on without a question.
pub(crate) fn is_possible(out: Out) -> bool {
    let terminals = [std::io::stdin().is_terminal(), std::io::stdout().is_terminal(), std::io::stderr().is_terminal()];
    !out.json && terminals.iter().all(|is_one| *is_one)
}

/// Returns true if the server refuses a recovery of that device anyway: there is nothing to ask then.
pub(crate) fn is_retired(device: Option<&Value>) -> bool {
    device.and_then(|device| device["managementState"].as_str()).is_some_and(|state| state != MANAGED)
}

/// Says what a recovery of that device changes, and returns true if the person wants it.
pub(crate) fn recovery(out: Out, asked: &str, device: Option<&Value>) -> bool {
    let lines = device.map(|device| changes(out, device)).unwrap_or_default();
    lines.iter().for_each(|line| out.beside(line));
    agrees(&text!("recover-question", device = asked).say(out.lang))
}

/// The device, and the secrets that stop working.
fn changes(out: Out, device: &Value) -> Vec<String> {
    let mut lines = vec![out.bold(&title(out, device))];
    let locks = device["chaveiro_recoverability"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of = |lock: &Value| {
        let [kind, subject] = ["lock", "subject"].map(|member| lock[member].as_str().unwrap_or_default().to_owned());
        (kind, subject, lock["obstacle"].as_str().map(str::to_owned))
    };
    let (mut ready, mut barred) = (Vec::new(), Vec::new());
    for (kind, subject, obstacle) in locks.iter().map(of) {
        match obstacle {
            None => ready.push(secret_of(&kind, &subject)),
            Some(code) => {
                barred.push(text!("lock-barred", lock = lock_of(&kind, &subject), why = text!("lock-why", code = code)))
            }
        }
    }
    if locks.is_empty() {
        let kind = if device["operatingSystem"] == "Linux" { "" } else { "screen" };
        ready.push(secret_of(kind, ""));
    }
    if !ready.is_empty() {
        lines.push(text!("recover-changes", what = ready).say(out.lang));
    }
    lines.extend(barred.iter().map(|text| text.say(out.lang)));
    lines
}

/// The secret of a lock that a recovery replaces.
fn secret_of(kind: &str, subject: &str) -> Text {
    text!("lock-secret", kind = kind, subject = subject)
}

/// The device in one line: its name, its user, its system, and when it was last here.
fn title(out: Out, device: &Value) -> String {
    let part = |name: &str| device[name].as_str().filter(|text| !text.is_empty()).map(|text| plain(text).into_owned());
    let system = [part("operatingSystem"), part("osVersion")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let user = part("userDisplayName").or_else(|| part("userPrincipalName"));
    let parts = [part("deviceName"), user, Some(system), Some(last_seen(out, device).say(out.lang))];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// Says whether a device is connected, or when it was last here.
fn last_seen(out: Out, device: &Value) -> Text {
    match device["chaveiro_connected"].as_bool() {
        Some(true) => text!("connected"),
        Some(false) => text!("not-connected", at = out.cell("", &device["lastSyncDateTime"])),
        None => text!("last-seen", at = out.cell("", &device["lastSyncDateTime"])),
    }
}

/// Asks; returns true for a yes of any of our languages.
fn agrees(question: &str) -> bool {
    let mut answer = String::new();
    let _ = write!(std::io::stderr(), "{question} ");
    let _ = std::io::stderr().flush();
    let read = std::io::stdin().read_line(&mut answer);
    read.is_ok() && ["y", "yes", "s", "sim"].contains(&answer.trim().to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use chaveiro_lang::Lang;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_person_reads_which_secrets_stop_working_and_which_device_it_is() {
        let device = json!({
            "deviceName": "ANA-LT1",
            "userDisplayName": "Ana Souza",
            "operatingSystem": "Linux",
            "osVersion": "12",
            "lastSyncDateTime": "2026-11-27T10:55:00Z",
            "chaveiro_connected": true,
            "chaveiro_recoverability": [
                {"lock": "login", "subject": "ana", "obstacle": null},
                {"lock": "luks2", "subject": "/dev/sda3", "obstacle": "noFreeSlot"},
            ],
        });
        let english = changes(Out::new(false, Lang::english()), &device);
        assert_eq!(english[0], "ANA-LT1 · Ana Souza · Linux 12 · connected now");
        assert!(english[1].contains("the password of ana") && !english[1].contains("/dev/sda3"), "{english:?}");
        assert!(english[2].contains("/dev/sda3: every key slot is taken"), "{english:?}");
        let device = json!({"deviceName": "PC", "userDisplayName": "Ana\u{1b}[2K\u{202e}"});
        let obeyed = changes(Out::new(false, Lang::english()), &device)[0].contains(['\u{1b}', '\u{202e}']);
        assert!(!obeyed, "a user's name does not change the line");
        assert!(!is_retired(None) && !is_retired(Some(&device)));
        for state in ["retireIssued", "unknownFutureValue"] {
            assert!(is_retired(Some(&json!({"managementState": state}))), "{state}");
        }
        let bare = json!({"chaveiro_recoverability": [{"lock": "luks2", "subject": "", "obstacle": "noVolume"}]});
        let english = changes(Out::new(false, Lang::english()), &bare);
        assert_eq!(english[1], "This leaves out encrypted volume: no encrypted volume in /etc/crypttab.");
        let away =
            json!({"deviceName": "PC", "operatingSystem": "Windows", "lastSyncDateTime": "2026-11-27T10:55:00Z"});
        let portuguese = changes(Out::new(false, Lang::choose(Some("pt"))), &away);
        assert!(portuguese[0].contains("27/11/2026 10:55"), "{portuguese:?}");
        assert!(portuguese[1].contains("o PIN"), "{portuguese:?}");
    }
}
