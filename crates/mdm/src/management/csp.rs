//! The mapping between the domain's commands and nodes of the management tree, and from nodes to inventory: one table
//! each.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::command::{Delivery, DeviceCommand};
use chaveiro_core::device::Platform;
#[cfg(feature = "test-actions")]
use chaveiro_core::digest::sha256_hex;
use chaveiro_core::id::ActionId;
use chaveiro_core::inventory::{Inventory, InventoryField, Kind};
use chaveiro_core::lock::DeviceReport;
use chaveiro_core::query::Value;
use chaveiro_core::secret::SecretBytes;
use chaveiro_core::tenant::TenantSettings;
use chaveiro_csp::{self as nodes, InventoryNode, Reading, Standing};
use omadm::syncml::{Format, Item, Message, Results, Verb, alert};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::enrollment::{bounded, mac_address};

/// RemoteLock CSP: set a new PIN, keep the keys of Windows Hello.
const LOCK_AND_RECOVER_PIN: &str = "./Device/Vendor/MSFT/RemoteLock/LockAndRecoverPIN";
/// RemoteLock CSP: the new PIN, readable once.
const NEW_PIN_VALUE: &str = "./Device/Vendor/MSFT/RemoteLock/NewPINValue";

/// The facts from which a command's data is made, in addition to the command itself.
pub(super) struct Facts<'a> {
    pub(super) platform: Platform,
    pub(super) delivery: &'a Delivery,
    /// The facts for a device that prepares a candidate.
    pub(super) preparing: Option<Preparing>,
}

/// The facts from which a device makes and seals a candidate.
pub(super) struct Preparing {
    pub(super) settings: TenantSettings,
    /// The recipients to which the device seals.
    pub(super) recipients: Vec<String>,
}

/// A command that is fully described by its name: the node that it acts on, and the form of its value.
struct Row {
    /// [`DeviceCommand::name`].
    name: &'static str,
    platforms: &'static [Platform],
    verb: Verb,
    node: &'static str,
    form: Form,
}

/// The form of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// No value, or a document of the command.
    Nothing,
    /// A passcode in clear, from the device.
    Passcode,
    /// A passcode that the device has sealed.
    Envelope,
    /// A [`DeviceReport`] from the device.
    Report,
    /// The list of installed packages, from the device.
    Packages,
    /// Bytes in base64, from the device or to it.
    Base64,
    /// The SHA-256 of a secret in lower-case hex, to the device.
    #[cfg(feature = "test-actions")]
    Sha256,
}

const WINDOWS: &[Platform] = &[Platform::Windows, Platform::WindowsPhone];
const LINUX: &[Platform] = &[Platform::Linux];

/// A row of a node that returns its value.
const fn read(name: &'static str, platforms: &'static [Platform], node: &'static str, form: Form) -> Row {
    Row { name, platforms, verb: Verb::Get, node, form }
}

/// A row of a node that runs something.
const fn run(name: &'static str, platforms: &'static [Platform], node: &'static str) -> Row {
    Row { name, platforms, verb: Verb::Exec, node, form: Form::Nothing }
}

/// A row of a node that takes a secret.
#[cfg(feature = "test-actions")]
const fn give(name: &'static str, platforms: &'static [Platform], node: &'static str, form: Form) -> Row {
    Row { name, platforms, verb: Verb::Exec, node, form }
}

/// The commands that are fully described by their names. A new one is a row here. If its node depends on more than its
/// name, it belongs in [`command`].
const ROWS: &[Row] = &[
    run("lockAndRecoverPin", WINDOWS, LOCK_AND_RECOVER_PIN),
    read("readNewPin", WINDOWS, NEW_PIN_VALUE, Form::Passcode),
    run("prepareCandidate", LINUX, nodes::PREPARE),
    read("readCandidate", LINUX, nodes::CANDIDATE, Form::Envelope),
    run("applyCandidate", LINUX, nodes::APPLY),
    read("readReport", LINUX, nodes::REPORT, Form::Report),
    run("retireOld", LINUX, nodes::RETIRE),
    run("undoCandidate", LINUX, nodes::UNDO),
    read("readPackages", LINUX, nodes::PACKAGES, Form::Packages),
    #[cfg(feature = "test-actions")]
    run("ping", WINDOWS, "./Device/Vendor/Chaveiro/Test/Ping"),
    #[cfg(feature = "test-actions")]
    give("setUnlockToken", WINDOWS, "./Device/Vendor/Chaveiro/Test/SetUnlockToken", Form::Base64),
    #[cfg(feature = "test-actions")]
    give("verifyUnlockToken", WINDOWS, "./Device/Vendor/Chaveiro/Test/VerifyUnlockToken", Form::Sha256),
    #[cfg(feature = "test-actions")]
    give("clearUnlockToken", WINDOWS, "./Device/Vendor/Chaveiro/Test/ClearUnlockToken", Form::Base64),
    #[cfg(feature = "test-actions")]
    run("hasNoUnlockToken", WINDOWS, "./Device/Vendor/Chaveiro/Test/HasNoUnlockToken"),
    #[cfg(feature = "test-actions")]
    read("readUnlockToken", WINDOWS, "./Device/Vendor/Chaveiro/Test/UnlockToken", Form::Base64),
];

fn row(command: &DeviceCommand, platform: Platform) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == command.name() && row.platforms.contains(&platform))
}

/// The form of the value of a command.
pub(super) fn form(command: &DeviceCommand, platform: Platform) -> Form {
    row(command, platform).map_or(Form::Nothing, |row| row.form)
}

/// The command as it is sent: one item each, as [MS-MDM] 2.2.7 requires for `Exec`. `None` if devices of that platform
/// do not support it. `secret` is the value of a command that sends one.
pub(super) fn command(
    command: &DeviceCommand,
    secret: Option<&SecretBytes>,
    facts: &Facts<'_>,
) -> Option<(Verb, Item)> {
    match command {
        DeviceCommand::EnablePinRecovery { entra_tenant } => {
            let node = format!("./Device/Vendor/MSFT/PassportForWork/{entra_tenant}/Policies/EnablePinRecovery");
            let item = Item::at(&node).formatted(Format::Bool).typed("text/plain").holding("true");
            return Some((Verb::Add, item));
        }
        DeviceCommand::ReadInventory { field } => {
            return Some((Verb::Get, Item::at(node_of(*field, facts.platform)?)));
        }
        _ => {}
    }
    let row = row(command, facts.platform)?;
    let item = Item::at(row.node);
    if let Some(secret) = secret {
        return Some((row.verb, holding(item, row.form, secret)?));
    }
    let item = match (document(command, facts), row.verb) {
        (Some(document), _) => item.formatted(Format::Text).holding(document),
        (None, Verb::Exec) => item.formatted(Format::Null),
        (None, _) => item,
    };
    Some((row.verb, item))
}

/// The item with a secret in the form of its row; `None` if secrets are not sent in that form.
fn holding(item: Item, form: Form, secret: &SecretBytes) -> Option<Item> {
    let value = secret.expose_secret();
    match form {
        Form::Base64 => Some(item.formatted(Format::Base64).holding(STANDARD.encode(value))),
        #[cfg(feature = "test-actions")]
        Form::Sha256 => Some(item.formatted(Format::Text).holding(sha256_hex(value))),
        Form::Nothing | Form::Passcode | Form::Envelope | Form::Report | Form::Packages => None,
    }
}

/// The document that a command carries.
fn document(command: &DeviceCommand, facts: &Facts<'_>) -> Option<String> {
    // Commands of a recovery belong to an action; the device refuses one that does not.
    let action = facts.delivery.action.unwrap_or(ActionId(Uuid::nil()));
    let attempt = facts.delivery.attempt;
    Some(match command {
        DeviceCommand::PrepareCandidate { locks } => {
            let Preparing { settings, recipients } = facts.preparing.as_ref()?;
            nodes::encode(&nodes::Prepare {
                tenant: facts.delivery.tenant,
                device: facts.delivery.device,
                action,
                attempt,
                recipients: recipients.clone(),
                locks: locks.clone(),
                passcode: settings.passcode,
                must_change: settings.must_change,
                lock_sessions: settings.lock_sessions,
            })
        }
        DeviceCommand::ApplyCandidate { envelope_sha256 } => {
            nodes::encode(&nodes::Apply { action, attempt, envelope_sha256: envelope_sha256.clone() })
        }
        DeviceCommand::RetireOld { action, attempt } | DeviceCommand::UndoCandidate { action, attempt } => {
            nodes::encode(&nodes::Finish { action: *action, attempt: *attempt })
        }
        _ => return None,
    })
}

/// A value that a device returns for a command.
pub(super) enum Given {
    /// A value of the node and in the form that the command asked for.
    Value(Zeroizing<String>),
    /// A value that does not name its node, or has another form than the command asked for.
    Doubtful(Zeroizing<String>),
    /// The node has no value.
    Empty,
}

impl Given {
    /// The value, or an empty text.
    pub(super) fn value(self) -> Zeroizing<String> {
        match self {
            Self::Value(value) | Self::Doubtful(value) => value,
            Self::Empty => Zeroizing::default(),
        }
    }
}

/// The value that an item gives for a command. `None` if it is the value of another node, or the command asks for none.
pub(super) fn given(command: &DeviceCommand, platform: Platform, results: &Results, item: &Item) -> Option<Given> {
    let asked = asked(command, platform)?;
    let node = results.node(item);
    if node.is_some_and(|node| !is_same_node(node, asked)) {
        return None;
    }
    let kind = item.kind.as_deref().map(|kind| kind.split(';').next().unwrap_or_default().trim());
    let is_text = kind.is_none_or(|kind| kind.eq_ignore_ascii_case("text/plain"));
    let format = item.format.as_ref().unwrap_or(&Format::Text);
    let is_whole = match command {
        // As a number, a PIN could lose its leading zeros.
        DeviceCommand::ReadInventory { .. } => matches!(format, Format::Text | Format::Int | Format::Bool),
        _ if self::form(command, platform) == Form::Base64 => matches!(format, Format::Text | Format::Base64),
        _ => *format == Format::Text,
    };
    match item.value().map(|value| Zeroizing::new(value.as_str().to_owned())) {
        Some(value) if node.is_some() && is_text && is_whole => Some(Given::Value(value)),
        Some(value) => Some(Given::Doubtful(value)),
        None => node.map(|_| Given::Empty),
    }
}

/// The node that a command reads.
fn asked(command: &DeviceCommand, platform: Platform) -> Option<&'static str> {
    match command {
        DeviceCommand::ReadInventory { field } => node_of(*field, platform),
        _ => row(command, platform).filter(|row| row.verb == Verb::Get).map(|row| row.node),
    }
}

/// Compares two spellings of a node: with or without the dot of the root, with or without the default context `Device`,
/// in any case.
fn is_same_node(said: &str, asked: &str) -> bool {
    let plain = |uri: &str| {
        let uri = uri.trim().trim_start_matches("./").trim_matches('/').to_ascii_lowercase();
        uri.strip_prefix("device/").map(str::to_owned).unwrap_or(uri)
    };
    plain(said) == plain(asked)
}

fn node_of(field: InventoryField, platform: Platform) -> Option<&'static str> {
    InventoryNode::of(field)?.on(platform)
}

/// The most locks that a device may report.
const MAX_LOCKS: usize = 64;

/// The standing that a Linux device reports at the beginning of a session, within bounds. `None` if it is missing or
/// unreadable.
pub(super) fn standing(request: &Message) -> Option<Standing> {
    let mut alerts = request.alerts().filter(|alert| alert.code == alert::GENERIC).flat_map(|alert| &alert.items);
    let item = alerts.find(|item| item.kind.as_deref() == Some(nodes::STANDING_ALERT))?;
    let mut standing: Standing = match nodes::decode(item.value()?) {
        Ok(standing) => standing,
        Err(error) => {
            tracing::info!(%error, "the standing of a device is not readable");
            return None;
        }
    };
    standing.locks.truncate(MAX_LOCKS);
    for entry in &mut standing.locks {
        entry.of.subject = bounded(&entry.of.subject);
        entry.obstacle = entry.obstacle.as_deref().map(bounded);
    }
    Some(standing)
}

/// The report of a device about a recovery, within bounds.
pub(super) fn report(value: &str) -> Option<DeviceReport> {
    let mut report: DeviceReport = nodes::decode(value).ok()?;
    report.opens.truncate(MAX_LOCKS);
    report.obstacles.truncate(MAX_LOCKS);
    for lock in report.opens.iter_mut().chain(report.obstacles.iter_mut().map(|obstacle| &mut obstacle.of)) {
        lock.subject = bounded(&lock.subject);
    }
    Some(report)
}

/// Takes an inventory value that a device reported. A text that means nothing is an unknown value.
pub(super) fn take_inventory(inventory: &mut Inventory, field: InventoryField, text: &str) {
    let Some(node) = InventoryNode::of(field) else { return };
    let text = text.trim();
    let value = match (field.row().kind, node.reading) {
        (_, Reading::Words(words)) => words.iter().find(|(said, _)| *said == text).map(|(_, name)| (*name).into()),
        (Kind::Text, _) => Some(bounded(text).into()),
        (Kind::MacAddress, _) => mac_address(text).map(Value::from),
        (Kind::Flag, _) => text.parse().ok().map(Value::Flag),
        (Kind::Number | Kind::Bytes, Reading::Plain) => text.parse().ok().map(Value::Number),
        (Kind::Number | Kind::Bytes, Reading::Mebibytes) => mebibytes(text).map(Value::Number),
        (Kind::OneOf(_), _) => Some(text.into()),
    };
    inventory.set(field, value);
}

fn mebibytes(text: &str) -> Option<i64> {
    text.parse::<u32>().ok().map(|mebibytes| i64::from(mebibytes) << 20)
}

/// Nodes of `DevInfo`, in lower case, which devices send with their first message.
const INFORMATION: [(&str, InventoryField); 3] = [
    ("devinfo/man", InventoryField::MANUFACTURER),
    ("devinfo/mod", InventoryField::MODEL),
    ("devinfo/lang", InventoryField::LANGUAGE),
];

/// Takes a node of `DevInfo`.
pub(super) fn take_information(inventory: &mut Inventory, node: &str, value: &str) {
    let node = node.trim_start_matches("./").to_ascii_lowercase();
    if let Some((_, field)) = INFORMATION.iter().find(|(known, _)| *known == node) {
        inventory.set(*field, Some(bounded(value.trim()).into()));
    }
}

#[cfg(test)]
mod tests {
    use chaveiro_core::Timestamp;
    use chaveiro_core::action::ActionRecord;
    use chaveiro_core::actions::ACTIONS;
    use chaveiro_core::caller::Actor;
    use chaveiro_core::id::{DeviceId, TenantId};
    use chaveiro_core::remote_action::{Evidence, Held, OnLoss, Settlement, Step, Way};

    use super::*;

    #[test]
    fn every_command_of_every_step_of_an_action_has_a_row() {
        for way in ACTIONS.iter().flat_map(|action| action.ways) {
            let steps = steps(way);
            for purpose in way.steps {
                assert!(steps.iter().any(|step| step.purpose == *purpose), "nothing leads to {purpose:?}: {way:?}");
            }
            let commands = steps.into_iter().flat_map(|step| step.commands);
            for command in commands.chain((way.afterwards)(&an_action())) {
                for platform in way.platforms {
                    assert!(row(&command, *platform).is_some(), "{command:?} on {platform:?}");
                }
            }
        }
        for (index, one) in ROWS.iter().enumerate() {
            let same = |other: &&Row| other.name == one.name && other.platforms == one.platforms;
            assert!(!ROWS[..index].iter().any(|other| same(&other)), "{} has two rows", one.name);
        }
    }

    /// The steps of a way: the first, and those that follow if all went well or an answer was lost.
    fn steps(way: &Way) -> Vec<Step> {
        let mut steps = vec![(way.first)(&an_action())];
        for purpose in way.steps {
            let sent = steps.iter().find(|step| step.purpose == *purpose).map_or(1, |step| step.commands.len());
            let (statuses, value, envelope) = (vec![Some(200); sent], Held::Certain, Some(&b"sealed"[..]));
            let evidence = Evidence { attempt: 1, statuses: &statuses, value, envelope, report: None, complete: true };
            if let Some(Settlement::Next(step)) = (way.settle)(*purpose, evidence) {
                steps.push(step);
            }
            if let OnLoss::Next(step) = (way.lost)(*purpose, Held::Nothing) {
                steps.push(step);
            }
        }
        steps
    }

    fn an_action() -> ActionRecord {
        let nil = Uuid::nil();
        let of = (TenantId(nil), DeviceId(nil));
        ActionRecord::pending(ActionId(nil), of, "", Actor::system(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_value_counts_when_it_is_of_the_node_and_in_the_form_that_were_asked_for() {
        const PIN: &str = NEW_PIN_VALUE;
        // (source, reference of the command, target, format, type) -> the expected value
        type Said = Option<&'static str>;
        let table: [(Said, Said, Said, Said, Said, &str); 22] = [
            (Some(PIN), None, None, None, None, "value"),
            (Some(PIN), None, None, Some("chr"), Some("text/plain"), "value"),
            (Some(PIN), None, None, Some("CHR"), Some("Text/Plain; charset=utf-8"), "value"),
            (Some("./Vendor/MSFT/RemoteLock/NewPINValue"), None, None, None, None, "value"),
            (Some("Device/Vendor/MSFT/RemoteLock/NewPINValue/"), None, None, None, None, "value"),
            (Some("./device/vendor/msft/remotelock/newpinvalue"), None, None, None, None, "value"),
            (None, Some(PIN), None, None, None, "value"),
            (None, None, Some(PIN), None, None, "value"),
            (None, None, None, None, None, "doubtful"),
            (Some(PIN), None, None, Some("int"), None, "doubtful"),
            (Some(PIN), None, None, Some("b64"), None, "doubtful"),
            (Some(PIN), None, None, Some("bin"), None, "doubtful"),
            (Some(PIN), None, None, Some("xml"), None, "doubtful"),
            (Some(PIN), None, None, Some("chr"), Some("application/octet-stream"), "doubtful"),
            (Some(PIN), None, None, Some("null"), None, "empty"),
            (Some("./DevDetail/SwV"), None, None, None, None, "nothing"),
            (Some(""), None, None, None, None, "doubtful"),
            (Some("./Device/Vendor/MSFT/RemoteLock"), None, None, None, None, "nothing"),
            (Some("./User/Vendor/MSFT/RemoteLock/NewPINValue"), None, None, None, None, "nothing"),
            (Some("./Device/Vendor/MSFT/RemoteLock/NewPINValue2"), None, None, None, None, "nothing"),
            (Some("./DevDetail/SwV"), Some(PIN), Some(PIN), None, None, "nothing"),
            (None, Some("./DevDetail/SwV"), None, None, None, "nothing"),
        ];
        for (source, node_ref, target, format, kind, expected) in table {
            let own = |text: Said| text.map(str::to_owned);
            let mut item = Item::default().holding("482915");
            (item.source, item.target, item.kind) = (own(source), own(target), own(kind));
            item.format = format.map(Format::from);
            let mut results = Results::new("1", "2", vec![]);
            results.node_ref = own(node_ref);
            let given = match given(&DeviceCommand::ReadNewPin, Platform::Windows, &results, &item) {
                Some(Given::Value(_)) => "value",
                Some(Given::Doubtful(_)) => "doubtful",
                Some(Given::Empty) => "empty",
                None => "nothing",
            };
            assert_eq!(given, expected, "{source:?} {node_ref:?} {target:?} {format:?} {kind:?}");
        }
    }

    #[test]
    fn sizes_are_mebibytes_and_nonsense_is_unknown() {
        let mut inventory = Inventory::default();
        let memory = InventoryField::PHYSICAL_MEMORY;
        take_inventory(&mut inventory, memory, "16384");
        assert_eq!(inventory.get(memory), Some(&Value::Number(16 << 30)));
        for nonsense in ["", "-1", "many", "99999999999999999999"] {
            take_inventory(&mut inventory, memory, nonsense);
            assert_eq!(inventory.get(memory), None, "{nonsense}");
        }
    }
}
