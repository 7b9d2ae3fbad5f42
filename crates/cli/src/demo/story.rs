//! The demonstration as a story: lines for people, one JSON object a line for machines.

use std::path::Path;

use anstyle::AnsiColor;
use chaveiro_audit::Report;
use serde_json::{Value, json};

use crate::out::{Out, cell};
use chaveiro_lang::Lang;

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

/// Something that somebody may type at a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secret {
    /// What opened it before the recovery.
    Former,
    /// The passcode that was recovered.
    Recovered,
    /// The user's own, which nobody replaced.
    Own,
}

/// What became of typing it.
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

    /// The English or the Portuguese wording.
    fn words<'a>(&self, english: &'a str, portuguese: &'a str) -> &'a str {
        match self.out.lang {
            Lang::English => english,
            Lang::Portuguese => portuguese,
        }
    }

    fn fact(&self, step: &str, label: (&str, &str), text: &str, value: Value) {
        if self.out.json {
            let mut line = json!({"step": step});
            if let (Value::Object(line), Value::Object(value)) = (&mut line, value) {
                line.extend(value);
            }
            return self.out.value(&line);
        }
        let label = format!("{:<14}", self.words(label.0, label.1));
        self.out.line(&format!("  {}{text}", self.out.paint(AnsiColor::Cyan, false, &label)));
    }

    pub(super) fn opened(&self, graph: &str, device: &str, data: &Path, kept: bool) {
        if !self.out.json {
            let title = self.words(
                "Chaveiro: one passcode, recovered seven ways; then a Linux machine",
                "Chaveiro: um código, recuperado de sete maneiras; depois, uma máquina Linux",
            );
            self.out.line(&format!("\n{}\n", self.out.paint(AnsiColor::Green, true, title)));
        }
        let fate = match kept {
            true => self.words("kept", "mantido"),
            false => self.words("temporary; --data DIR keeps it", "temporário; --data DIR o mantém"),
        };
        let text = format!("{graph} (Graph), {device} ({})", self.words("devices", "dispositivos"));
        self.fact("server", ("server", "servidor"), &text, json!({"graphUrl": graph, "deviceUrl": device}));
        let shown = data.display().to_string();
        self.fact("data", ("data", "dados"), &format!("{shown} ({fate})"), json!({"directory": shown, "kept": kept}));
    }

    pub(super) fn tenant(&self, name: &str, id: &str, application: &str) {
        let licence = self.words("licence active", "licença ativa");
        self.fact(
            "tenant",
            ("tenant", "locatário"),
            &format!("{name} {id}, {licence}"),
            json!({"id": id, "name": name}),
        );
        self.fact("application", ("application", "aplicação"), application, json!({"name": application}));
    }

    pub(super) fn signed_in(&self) {
        let text =
            self.words("by client credentials from the local issuer", "por credenciais de cliente do emissor local");
        self.fact("token", ("token", "token"), text, json!({}));
    }

    pub(super) fn user(&self, name: &str) {
        self.fact("user", ("user", "usuária"), name, json!({"userPrincipalName": name}));
    }

    pub(super) fn enrolled(&self, name: &str, enrollment: &str) {
        let how = self.words(
            "enrolled: discovery, policy, certificate request, provisioning",
            "inscrito: descoberta, política, pedido de certificado, provisionamento",
        );
        self.fact(
            "device",
            ("device", "dispositivo"),
            &format!("{name} {how}"),
            json!({"name": name, "enrollment": enrollment}),
        );
    }

    pub(super) fn inventory(&self, device: &Value, pin_recovery: bool) {
        let policy = if pin_recovery { "EnablePinRecovery = true" } else { "EnablePinRecovery ?" };
        let facts = ["manufacturer", "model", "osVersion", "serialNumber"].map(|name| cell(&device[name])).join(", ");
        let value = json!({"id": device["id"], "osVersion": device["osVersion"], "pinRecoveryEnabled": pin_recovery});
        self.fact("firstSession", ("first session", "1ª sessão"), &format!("{facts}; {policy}"), value);
    }

    pub(super) fn made(&self, collection: &str, name: &str) {
        let text = format!("POST /deviceManagement/{collection} 201 {name}");
        self.fact("created", ("created", "criado"), &text, json!({"collection": collection, "name": name}));
    }

    pub(super) fn begin_recoveries(&self, digits: usize) {
        if !self.out.json {
            let text = self.words("The device has a PIN of", "O dispositivo tem um PIN de");
            let rest = self.words("digits that nobody remembers.", "dígitos que ninguém lembra.");
            self.out.line(&format!("\n{text} {digits} {rest}"));
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
            false => self.out.line(&format!("     {} {}", self.words("state", "estado"), cell(state))),
        }
    }

    pub(super) fn device_came(&self, messages: usize, statuses: &[u16]) {
        if self.out.json {
            return self.out.value(&json!({"step": "session", "messages": messages, "statuses": statuses}));
        }
        let came = self.words("the device comes in", "o dispositivo se conecta");
        let statuses = statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
        self.out.line(&format!("     {came}: LockAndRecoverPIN, NewPINValue: {statuses}"));
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
            true => self.out.paint(AnsiColor::Green, true, self.words("= the device's PIN", "= o PIN do dispositivo")),
            false => self.out.paint(
                AnsiColor::Red,
                true,
                self.words("is not the device's PIN", "não é o PIN do dispositivo"),
            ),
        };
        let state = self.words("state", "estado");
        self.out.line(&format!(
            "     {state} {}\n     GET …?$select=deviceActionResults  {} {verdict}",
            recovery.state, recovery.passcode
        ));
    }

    pub(super) fn machine(&self, name: &str, account: &str, volume: Option<&str>) {
        let value = json!({"name": name, "account": account, "volume": volume});
        if !self.out.json {
            let text =
                self.words("And a Linux machine, with the real agent.", "E uma máquina Linux, com o agente real.");
            self.out.line(&format!("\n{text}"));
        }
        let volume = volume.map_or_else(String::new, |volume| format!(", LUKS2 {volume}"));
        let how = self.words("enrolled: account", "inscrita: conta");
        self.fact("linux", ("device", "dispositivo"), &format!("{name} {how} {account}{volume}"), value);
    }

    pub(super) fn no_cryptsetup(&self) {
        let text = self.words(
            "cryptsetup is missing here, so that only the login password is recovered; for the disk too: apt-get install cryptsetup-bin",
            "falta o cryptsetup aqui, e só a senha de entrada é recuperada; para o disco também: apt-get install cryptsetup-bin",
        );
        self.fact("linuxDisk", ("disk", "disco"), text, json!({"missing": "cryptsetup", "package": "cryptsetup-bin"}));
    }

    pub(super) fn disk_escrowed(&self, passcode: &str, opens: bool) {
        let before = self.words("in escrow before anybody asks:", "em custódia antes que alguém peça:");
        let text = format!("{before} {passcode} {}", self.opening(opens, true));
        self.fact("linuxDisk", ("disk", "disco"), &text, json!({"passcode": passcode, "opens": opens}));
    }

    pub(super) fn machine_came(&self, commands: usize) {
        if self.out.json {
            return self.out.value(&json!({"step": "linuxSession", "commands": commands}));
        }
        let came = self.words(
            "the machine comes in: a passcode is made there, sealed, applied, proven",
            "a máquina se conecta: um código é criado lá, selado, aplicado, provado",
        );
        self.out.line(&format!("     {came} ({commands})"));
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
        let (state, shown) = (self.words("state", "estado"), (&recovery.state, &recovery.passcode));
        self.out.line(&format!("     {state} {}\n     GET …?$select=deviceActionResults  {}", shown.0, shown.1));
        for check in checks {
            let secret = match check.secret {
                Secret::Former => self.words("the former secret", "o segredo anterior"),
                Secret::Recovered => self.words("the recovered passcode", "o código recuperado"),
                Secret::Own => self.words("the user's own passphrase", "a frase-senha do próprio usuário"),
            };
            let verdict = self.opening(check.opens, check.expected);
            self.out.line(&format!("     {:<16} {secret:<33} {verdict}", check.lock));
        }
    }

    /// Whether something opens, in the colour of whether it should.
    fn opening(&self, opens: bool, expected: bool) -> String {
        let text = match opens {
            true => self.words("opens", "abre"),
            false => self.words("is refused", "é recusado"),
        };
        let colour = if opens == expected { AnsiColor::Green } else { AnsiColor::Red };
        self.out.paint(colour, true, text)
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
                    "status": recovery.status,
                    "state": recovery.state,
                    "opens": if recovery.opens { self.words("yes", "sim") } else { self.words("NO", "NÃO") },
                })
            })
            .collect();
        self.out.line("");
        let title = self.words("passcode opens the device", "código abre o dispositivo");
        let (status, state) = (self.words("status", "resposta"), self.words("state", "estado"));
        self.out.list(&[("URL", "url"), (status, "status"), (state, "state"), (title, "opens")], &rows);
        let text = match self.out.lang {
            Lang::English => format!(
                "audit chain: {} events, {} checkpoints, verified with the pinned key through event {}",
                audit.events,
                audit.checkpoints,
                audit.signed_through()
            ),
            Lang::Portuguese => format!(
                "cadeia de auditoria: {} eventos, {} pontos de verificação, verificada com a chave fixada até o evento {}",
                audit.events,
                audit.checkpoints,
                audit.signed_through()
            ),
        };
        let colour = if good { AnsiColor::Green } else { AnsiColor::Red };
        self.out.line(&format!("\n{}", self.out.paint(colour, true, &text)));
    }

    pub(super) fn try_next(&self, hints: &[String]) {
        if self.out.json {
            return self.out.value(&json!({"step": "next", "commands": hints}));
        }
        self.out.line(self.words(
            "\nThe server stays up; stop it with Ctrl+C. Try:",
            "\nO servidor continua ativo; pare com Ctrl+C. Experimente:",
        ));
        for hint in hints {
            self.out.line(&format!("  {hint}"));
        }
    }
}

/// A path that fits into a table: ids are cut.
fn shorten(path: &str) -> String {
    let path = path.trim_start_matches("/beta/deviceManagement");
    let segments = path.split('/').map(|segment| match uuid::Uuid::try_parse(segment) {
        Ok(_) => format!("{}…", &segment[..4]),
        Err(_) => segment.to_owned(),
    });
    segments.collect::<Vec<_>>().join("/")
}
