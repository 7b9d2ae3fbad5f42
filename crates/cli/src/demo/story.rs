//! The demonstration as a story: lines for people, one JSON object a line for machines.

use std::path::Path;

use anstyle::AnsiColor;
use chaveiro_audit::Report;
use serde_json::{Value, json};

use crate::out::Out;
use crate::passcode::{INDENTATION, spelt};
use chaveiro_lang::table::{entry, indented, padded};
use chaveiro_lang::{Text, prose, text};

/// The table at the end.
const COLUMNS: [(Text, &str); 3] =
    [(text!("demo-url"), "url"), (text!("demo-state"), "actionState"), (text!("demo-opens-device"), "opens")];

/// One recovery.
pub(super) struct Recovery {
    pub(super) path: String,
    pub(super) status: u16,
    pub(super) state: String,
    pub(super) passcode: String,
    /// The passcode is a new one and opens the device now; what it replaces does not.
    pub(super) opens: bool,
}

impl Recovery {
    pub(super) fn is_good(&self) -> bool {
        self.status == 204 && self.state == "done" && self.opens
    }
}

/// A secret that a person may type at a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secret {
    /// The secret that opened it before the recovery.
    Former,
    /// The passcode that was recovered.
    Recovered,
    /// The user's own, which stays as it was.
    Own,
}

/// The outcome of typing it.
pub(super) struct Check {
    pub(super) lock: String,
    pub(super) secret: Secret,
    pub(super) expected: bool,
    pub(super) opens: bool,
}

impl Check {
    pub(super) fn is_good(&self) -> bool {
        self.opens == self.expected
    }
}

pub(super) struct Story {
    out: Out,
}

impl Story {
    pub(super) fn new(out: Out) -> Self {
        Self { out }
    }

    /// The text in the language of the reader.
    fn say(&self, text: Text) -> String {
        text.say(self.out.lang)
    }

    fn fact(&self, step: &str, label: Text, text: &str, value: Value) {
        if self.out.json {
            let mut line = json!({"step": step});
            if let (Value::Object(line), Value::Object(value)) = (&mut line, value) {
                line.extend(value);
            }
            return self.out.value(&line);
        }
        let label = padded(&self.say(label), 14);
        for line in entry(&label, text, "  ", self.out.width()) {
            self.out.line(&line.replacen(&label, &self.out.paint(AnsiColor::Cyan, false, &label), 1));
        }
    }

    pub(super) fn opened(&self, graph: &str, device: &str, data: &Path, kept: bool) {
        if !self.out.json {
            let title = self.say(text!("demo-title"));
            self.out.line(&format!("\n{}\n", self.out.paint(AnsiColor::Green, true, &title)));
        }
        let fate = match kept {
            true => self.say(text!("demo-kept")),
            false => self.say(text!("demo-temporary")),
        };
        let text = format!("{graph} (Graph), {device} ({})", self.say(text!("demo-devices")));
        self.fact("server", text!("demo-label-server"), &text, json!({"graphUrl": graph, "deviceUrl": device}));
        let shown = data.display().to_string();
        self.fact(
            "data",
            text!("demo-label-data"),
            &format!("{shown} ({fate})"),
            json!({"directory": shown, "kept": kept}),
        );
    }

    pub(super) fn tenant(&self, name: &str, id: &str, application: &str) {
        let licence = self.say(text!("demo-licence"));
        self.fact(
            "tenant",
            text!("demo-label-tenant"),
            &format!("{name} {id}, {licence}"),
            json!({"id": id, "name": name}),
        );
        self.fact("application", text!("demo-label-application"), application, json!({"name": application}));
    }

    pub(super) fn signed_in(&self) {
        let text = self.say(text!("demo-signed-in"));
        self.fact("token", text!("demo-label-token"), &text, json!({}));
    }

    pub(super) fn user(&self, name: &str) {
        self.fact("user", text!("demo-label-user"), name, json!({"userPrincipalName": name}));
    }

    pub(super) fn enrolled(&self, name: &str, enrollment: &str) {
        let how = self.say(text!("demo-enrolled"));
        self.fact(
            "device",
            text!("demo-label-device"),
            &format!("{name} {how}"),
            json!({"name": name, "enrollment": enrollment}),
        );
    }

    pub(super) fn inventory(&self, device: &Value, pin_recovery: bool) {
        let policy = if pin_recovery { "EnablePinRecovery = true" } else { "EnablePinRecovery ?" };
        let facts = ["manufacturer", "model", "osVersion", "serialNumber"]
            .map(|name| self.out.cell(name, &device[name]))
            .join(", ");
        let value = json!({"id": device["id"], "osVersion": device["osVersion"], "pinRecoveryEnabled": pin_recovery});
        self.fact("firstSession", text!("demo-label-first-session"), &format!("{facts}; {policy}"), value);
    }

    pub(super) fn made(&self, collection: &str, name: &str) {
        let text = format!("POST /deviceManagement/{collection} 201 {name}");
        self.fact("created", text!("demo-label-created"), &text, json!({"collection": collection, "name": name}));
    }

    pub(super) fn begin_recoveries(&self, digits: usize) {
        if !self.out.json {
            self.out.paragraph(&format!("\n{}", self.say(text!("demo-pin", digits = digits))));
        }
    }

    pub(super) fn asked(&self, path: &str, status: u16) {
        if self.out.json {
            return self.out.value(&json!({"step": "asked", "method": "POST", "path": path, "status": status}));
        }
        let verb = self.out.paint(AnsiColor::Yellow, true, "POST");
        let (colour, text) = if status == 204 {
            (AnsiColor::Green, "204 No Content".to_owned())
        } else {
            (AnsiColor::Red, status.to_string())
        };
        self.out.line(&format!("\n{verb} {path}\n     {}", self.out.paint(colour, true, &text)));
    }

    pub(super) fn state(&self, state: &Value) {
        match self.out.json {
            true => self.out.value(&json!({"step": "state", "actionState": state})),
            false => self.out.line(&format!(
                "     {} {}",
                self.say(text!("demo-state")),
                self.out.cell("actionState", state)
            )),
        }
    }

    pub(super) fn device_came(&self, messages: usize, statuses: &[u16]) {
        if self.out.json {
            return self.out.value(&json!({"step": "session", "messages": messages, "statuses": statuses}));
        }
        let came = self.say(text!("demo-device-came"));
        let statuses = statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
        self.inside(&format!("{came}: LockAndRecoverPIN, NewPINValue: {statuses}"));
    }

    pub(super) fn read_back(&self, recovery: &Recovery) {
        if self.out.json {
            return self.out.value(&json!({
                "step": "recovered",
                "path": recovery.path,
                "status": recovery.status,
                "actionState": recovery.state,
                "passcode": recovery.passcode,
                "equalsDevice": recovery.opens,
            }));
        }
        let verdict = match recovery.opens {
            true => self.out.paint(AnsiColor::Green, true, &self.say(text!("demo-same-pin"))),
            false => self.out.paint(AnsiColor::Red, true, &self.say(text!("demo-other-pin"))),
        };
        let state = self.say(text!("demo-state"));
        self.out.line(&format!("     {state} {}", self.out.cell("actionState", &json!(recovery.state))));
        self.shown(&recovery.passcode);
        self.out.line(&format!("     {verdict}"));
    }

    /// Sentences about a step.
    fn inside(&self, text: &str) {
        indented(text, "     ", self.out.width()).iter().for_each(|line| self.out.line(line));
    }

    /// A passcode as Graph shows it, alone on its line.
    fn shown(&self, passcode: &str) {
        self.out.line(&format!("     GET …?$select=deviceActionResults\n\n{INDENTATION}{passcode}\n"));
    }

    pub(super) fn machine(&self, name: &str, account: &str, volume: Option<&str>) {
        let value = json!({"name": name, "account": account, "volume": volume});
        if !self.out.json {
            let text = self.say(text!("demo-machine"));
            self.out.line(&format!("\n{text}"));
        }
        let volume = volume.map_or_else(String::new, |volume| format!(", LUKS2 {volume}"));
        let how = self.say(text!("demo-account"));
        self.fact("linux", text!("demo-label-device"), &format!("{name} {how} {account}{volume}"), value);
    }

    pub(super) fn no_cryptsetup(&self) {
        let text = self.say(text!("demo-no-cryptsetup"));
        self.fact(
            "linuxDisk",
            text!("demo-label-disk"),
            &text,
            json!({"missing": "cryptsetup", "package": "cryptsetup-bin"}),
        );
    }

    pub(super) fn disk_escrowed(&self, passcode: &str, opens: bool) {
        let before = self.say(text!("demo-in-escrow"));
        let text = format!("{before} {}", self.opening(opens, true));
        self.fact("linuxDisk", text!("demo-label-disk"), &text, json!({"passcode": passcode, "opens": opens}));
        if !self.out.json {
            self.out.line(&format!("\n{INDENTATION}{passcode}"));
        }
    }

    pub(super) fn machine_came(&self, commands: usize) {
        if self.out.json {
            return self.out.value(&json!({"step": "linuxSession", "commands": commands}));
        }
        let came = self.say(text!("demo-machine-came", commands = commands));
        self.inside(&came);
    }

    pub(super) fn proven(&self, recovery: &Recovery, checks: &[Check]) {
        if self.out.json {
            let checks: Vec<_> = checks
                .iter()
                .map(|check| {
                    let secret = match check.secret {
                        Secret::Former => "former",
                        Secret::Recovered => "recovered",
                        Secret::Own => "own",
                    };
                    json!({"lock": check.lock, "secret": secret, "opens": check.opens, "expected": check.expected})
                })
                .collect();
            return self.out.value(&json!({
                "step": "recovered",
                "path": recovery.path,
                "status": recovery.status,
                "actionState": recovery.state,
                "passcode": recovery.passcode,
                "checks": checks,
            }));
        }
        let ended = self.out.cell("actionState", &json!(recovery.state));
        self.out.line(&format!("     {} {ended}", self.say(text!("demo-state"))));
        self.shown(&recovery.passcode);
        spelt(&recovery.passcode, self.out.lang, self.out.width()).iter().for_each(|line| self.out.line(line));
        self.out.line("");
        for check in checks {
            let secret = match check.secret {
                Secret::Former => self.say(text!("demo-former")),
                Secret::Recovered => self.say(text!("demo-recovered")),
                Secret::Own => self.say(text!("demo-own")),
            };
            let verdict = self.opening(check.opens, check.expected);
            self.out.line(&format!("     {:<16} {secret:<33} {verdict}", check.lock));
        }
    }

    /// Tells whether something opens, in the colour of whether it should.
    fn opening(&self, opens: bool, expected: bool) -> String {
        let text = match opens {
            true => self.say(text!("demo-opens")),
            false => self.say(text!("demo-refused")),
        };
        let colour = if opens == expected { AnsiColor::Green } else { AnsiColor::Red };
        self.out.paint(colour, true, &text)
    }

    pub(super) fn end(&self, recoveries: &[Recovery], audit: &Report, good: bool) {
        if self.out.json {
            return self.out.value(&json!({
                "step": "end",
                "recoveries": recoveries.len(),
                "good": good,
                "audit": {"events": audit.events, "checkpoints": audit.checkpoints, "signedThrough": audit.signed_through(), "sound": true},
            }));
        }
        let rows: Vec<_> = recoveries
            .iter()
            .map(|recovery| {
                json!({
                    "url": shorten(&recovery.path),
                    "actionState": recovery.state,
                    "opens": if recovery.opens { self.say(text!("demo-yes")) } else { self.say(text!("demo-no")) },
                })
            })
            .collect();
        self.out.line("");
        self.out.list(&COLUMNS, &rows);
        let text = text!(
            "demo-audit",
            events = audit.events,
            checkpoints = audit.checkpoints,
            event = audit.signed_through(),
        );
        let colour = if good { AnsiColor::Green } else { AnsiColor::Red };
        self.out.line("");
        for line in prose(&self.say(text), self.out.width()) {
            self.out.line(&self.out.paint(colour, true, &line));
        }
    }

    pub(super) fn try_next(&self, hints: &[String]) {
        if self.out.json {
            return self.out.value(&json!({"step": "next", "commands": hints}));
        }
        self.out.paragraph(&format!("\n{}", self.say(text!("demo-next"))));
        for hint in hints {
            self.out.line(&format!("  {hint}"));
        }
    }
}

/// A path that fits into a table of 80 columns. It leaves out what all paths have in common, ids, and the beginning of
/// a path that is too long.
fn shorten(path: &str) -> String {
    const MOST: usize = 60;
    let path = path.trim_start_matches("/beta/deviceManagement/").trim_end_matches("/recoverPasscode");
    let shown = |segment| if uuid::Uuid::try_parse(segment).is_ok() { "…" } else { segment };
    let shown = path.split('/').map(shown).collect::<Vec<_>>().join("/");
    let ends = || shown.match_indices('/').map(|(at, _)| format!("…{}", &shown[at..]));
    let short = |text: &String| text.chars().count() <= MOST && !text.starts_with("…/…");
    if short(&shown) { shown } else { ends().find(short).unwrap_or_default() }
}
