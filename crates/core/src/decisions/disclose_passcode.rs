//! Disclosure of a recovered passcode: an action of its own, with its own permission check, and recorded before the
//! value leaves.
//!
//! The first disclosure opens a short window in which only the same caller may read again. Unread values are kept until
//! their retention ends. Then the envelope is destroyed, after a grace period of steady running ([`crate::steady`]),
//! and only the fact remains. Until then an unread value is shown, because a clock that is ahead must not withhold it.
//! A passcode that opens a disk is different. It stays until a newer one replaces it. Every permitted caller may
//! read it, because the device may be off and no new one can be made.
//!
//! Reading has a limit ([`crate::reading`]): a passcode beyond it is withheld until a person has released the hold.

use jiff::Timestamp;
use uuid::Uuid;

use super::reading::{self, Reader};
use super::{Facts, rights};
use crate::action::{ActionRecord, ActionState};
use crate::actions;
use crate::alert::{Alert, News};
use crate::audit::{Activity, AuditEvent, Origin};
use crate::caller::{Actor, Caller, NO_PERSON};
use crate::device::ManagedDevice;
use crate::escrow::{EscrowedSecret, SecretContext, SecretKind, Standing, UNTIL_REPLACED};
use crate::id::{RequestId, ResourceId, SecretId, TenantId};
use crate::permission::Permission;
use crate::ports::{Decided, Fault, StoreError, UnitOfWork, View};
use crate::refusal::{DeviceRefusal, RightsRefusal, Withheld};
use crate::resource::ResourceKind;
use crate::rights::Rights;
use crate::role::RoleAction;
use crate::steady::Ripeness;
use crate::tenant::TenantSettings;

/// The permission that a caller needs to read a passcode.
pub const PERMISSION: Permission = Permission::PrivilegedOperationsAll;

/// An envelope that may be opened now, because its disclosure is recorded.
#[derive(Debug)]
pub struct Disclosure {
    /// The context to which it is bound.
    pub context: SecretContext,
    /// The sealed value.
    pub envelope: Vec<u8>,
}

/// The request to read a passcode.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The caller.
    pub caller: &'a Caller,
    /// The action that produced the passcode.
    pub action: &'a ActionRecord,
    /// The request.
    pub request: RequestId,
    /// The caller's reason, for the record.
    pub reason: Option<&'a str>,
    /// The reason for passing a hold, if the caller wants to.
    pub break_glass: Option<&'a str>,
}

impl<'a> Ask<'a> {
    /// Returns a request without a reason.
    pub fn new(caller: &'a Caller, action: &'a ActionRecord, request: RequestId) -> Self {
        Self { caller, action, request, reason: None, break_glass: None }
    }
}

/// The request to read every passcode of a device.
#[derive(Clone, Copy, Debug)]
pub struct AskForAll<'a> {
    /// The caller.
    pub caller: &'a Caller,
    /// The device, the settings of its tenant and the rights of the caller.
    pub facts: Facts<'a>,
    /// The request.
    pub request: RequestId,
    /// The caller's reason, for the record.
    pub reason: Option<&'a str>,
    /// The reason for passing a hold, if the caller wants to.
    pub break_glass: Option<&'a str>,
}

/// A result of a device, as a reader of passcodes sees it.
#[derive(Debug)]
pub struct Seen {
    /// The result.
    pub action: ActionRecord,
    /// The decision about its passcode; `None` if it has none.
    pub decision: Option<Decided<Disclosure, Withheld>>,
    /// The time at which the escrow received the passcode; `None` if the caller may not read passcodes of the device.
    pub sealed: Option<Timestamp>,
    /// The disclosure so far; `None` if there is none, or the caller may not read passcodes of the device.
    pub window: Option<Window>,
}

/// The disclosure of a passcode so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The time of the first disclosure.
    pub opened: Timestamp,
    /// The name of the first reader.
    pub reader: String,
    /// The end of the time in which that reader may read it again; `None` if it is kept until a newer one replaces it.
    pub ends: Option<Timestamp>,
}

/// The facts that every passcode of a device has in common.
struct Common<'a> {
    device: &'a ManagedDevice,
    settings: &'a TenantSettings,
    /// True if a role of the caller permits it.
    permitted: bool,
}

fn require_permission(caller: &Caller) -> Result<(), Fault> {
    match caller.permissions.contains(PERMISSION) {
        true => Ok(()),
        false => Err(RightsRefusal::MissingPermission(&[PERMISSION]).into()),
    }
}

/// Returns true if these rights allow reading the passcodes of that device.
fn permits(rights: &Rights, device: &ManagedDevice) -> bool {
    rights.require_on(RoleAction::PasscodesDisclose, &device.scope_tags).is_ok()
}

/// Decides about every result of a device as [`disclose`] does. All results are one question to the store, and all of their
/// secrets another.
pub fn disclose_all(unit: &mut dyn UnitOfWork, ask: &AskForAll<'_>, now: Timestamp) -> Result<Vec<Seen>, Fault> {
    let AskForAll { caller, facts, request, reason, break_glass } = *ask;
    require_permission(caller)?;
    let Facts { device, settings, rights } = facts;
    let common = Common { device, settings, permitted: permits(rights, device) };
    let results = unit.current_results(caller.tenant, device.id)?;
    let secrets = match common.permitted {
        true => passcodes(unit, caller.tenant, &results)?,
        false => Vec::new(),
    };
    let mut decided = Vec::new();
    for action in results {
        let (decision, secret) = match has_passcode(&action) {
            true => {
                let ask = Ask { caller, action: &action, request, reason, break_glass };
                let of_action = secrets.iter().filter(|secret| secret.context.action == action.id).cloned();
                let (decision, secret) = decide_one(unit, &ask, &common, of_action, now)?;
                (Some(decision), secret)
            }
            false => (None, None),
        };
        let sealed = secret.as_ref().map(|secret| secret.received);
        let window = secret.map(|secret| window(unit, &secret)).transpose()?.flatten();
        decided.push(Seen { action, decision, sealed, window });
    }
    Ok(decided)
}

/// Returns the secrets of those results that have a passcode, oldest first.
pub fn passcodes(
    view: &dyn View,
    tenant: TenantId,
    results: &[ActionRecord],
) -> Result<Vec<EscrowedSecret>, StoreError> {
    let with: Vec<_> = results.iter().filter(|result| has_passcode(result)).map(|result| result.id).collect();
    view.secrets_of(tenant, &with)
}

/// Returns true if the answer mentions a passcode. The action keeps one, and that is the result, or it may open the device
/// although the action failed.
pub fn has_passcode(record: &ActionRecord) -> bool {
    let keeps = actions::named(record.name).and_then(|action| action.keeps);
    keeps == Some(SecretKind::Passcode) && (record.state == ActionState::Done || actions::keeps_uncertain_value(record))
}

/// Decides about one passcode, and records the decision. Once this unit of work is durable, the envelope may be opened
/// and shown; if it cannot be recorded, nothing is shown. A refusal is recorded too, unless there is no value to
/// withhold: the caller sees the action without its value.
pub fn disclose(
    unit: &mut dyn UnitOfWork,
    ask: &Ask<'_>,
    now: Timestamp,
) -> Result<Decided<Disclosure, Withheld>, Fault> {
    if ask.action.tenant != ask.caller.tenant {
        return Err(DeviceRefusal::NotFound.into());
    }
    require_permission(ask.caller)?;
    let device = unit.device(ask.caller.tenant, ask.action.device)?.ok_or(DeviceRefusal::NotFound)?;
    let permitted = match rights::of(unit, ask.caller) {
        Ok(rights) => permits(&rights, &device),
        Err(Fault::Refused(_)) => false,
        Err(fault) => return Err(fault),
    };
    let settings = unit.tenant(ask.caller.tenant)?.map(|tenant| tenant.settings).unwrap_or_default();
    let secrets = if permitted { unit.secrets(ask.action.tenant, ask.action.id)? } else { Vec::new() };
    let common = Common { device: &device, settings: &settings, permitted };
    Ok(decide_one(unit, ask, &common, secrets.into_iter(), now)?.0)
}

/// Returns the decision, and the secret that it is about if the caller may read passcodes of the device. The secrets are those
/// of the action.
fn decide_one(
    unit: &mut dyn UnitOfWork,
    ask: &Ask<'_>,
    common: &Common<'_>,
    mut secrets: impl Iterator<Item = EscrowedSecret>,
    now: Timestamp,
) -> Result<(Decided<Disclosure, Withheld>, Option<EscrowedSecret>), Fault> {
    let Ask { caller, action, request, .. } = *ask;
    let Common { device, settings, permitted } = *common;
    let event = |activity| {
        AuditEvent::new(action.tenant, now, caller.actor.clone(), activity)
            .on_device(action.device)
            .for_action(action.id)
            .in_request(request)
    };
    if !permitted {
        unit.append_audit(&event(Activity::DisclosureRefused).with("reason", Withheld::MissingRole))?;
        return Ok((Decided::RefusedAndRecorded(Withheld::MissingRole), None));
    }
    let shown = |secret: &EscrowedSecret| secret.standing != Standing::History && secret.context.kind.is_for_people();
    let Some(mut secret) = secrets.find(shown) else {
        return Ok((Decided::RefusedAndRecorded(Withheld::Nothing), None));
    };
    let id = secret.id;
    let event = |activity| event(activity).with("secret", id);
    let key = caller.actor.key();
    let decided = match decide(&secret, &key, now) {
        Ok(envelope) => {
            let (window, rule) = (settings.disclosure_window(), settings.reading);
            let (break_glass, event) = (ask.break_glass, &event);
            let reader = Reader { caller, device, secret: &secret, request, break_glass, rule, window, event };
            reading::pass(unit, &reader, now)?.map(|()| envelope)
        }
        Err(withheld) => Decided::RefusedAndRecorded(withheld),
    };
    let decided = match decided {
        Decided::Done(envelope) => {
            unit.append_audit(&event(Activity::PasscodeDisclosed).with_some("reason", ask.reason))?;
            if secret.disclosed.is_none() {
                if secret.expires != UNTIL_REPLACED {
                    secret.expires = end_of_window(&secret, settings, now);
                }
                secret.disclosed = Some((now, key));
                unit.update_secret(&secret)?;
            }
            Decided::Done(Disclosure { context: secret.context, envelope })
        }
        Decided::RefusedAndRecorded(withheld) => {
            unit.append_audit(&event(Activity::DisclosureRefused).with("reason", withheld))?;
            Decided::RefusedAndRecorded(withheld)
        }
    };
    Ok((decided, Some(secret)))
}

/// An opening of secrets of one device on the host, with the private key of a recipient.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The fresh id of the opening.
    pub id: Uuid,
    /// The secrets.
    pub secrets: Vec<(SecretId, SecretContext)>,
    /// The id of the key.
    pub key: String,
    /// The reason that the operator gives.
    pub reason: String,
}

/// Records an opening and alerts. Once this unit of work is durable, the secrets may be opened. The rules of [`disclose`] do
/// not bind the holder of the key.
pub fn record_opening(unit: &mut dyn UnitOfWork, origin: &Origin, opening: &Opening) -> Result<(), StoreError> {
    let Opening { id, secrets, key, reason } = opening;
    for (secret, context) in secrets {
        let event = origin.event(context.tenant, Activity::PasscodeDisclosed);
        let event = event.on_device(context.device).for_action(context.action).with("secret", secret);
        unit.append_audit(&event.with("recipient", key).with("reason", reason))?;
    }
    let Some((_, SecretContext { tenant, device, .. })) = secrets.first() else { return Ok(()) };
    let (key, reason, passcodes) = (key.clone(), reason.clone(), secrets.len() as u64);
    let news = News::RecoveryKeyUsed { device: *device, key, reason, passcodes };
    unit.insert_alert(&Alert { tenant: *tenant, about: *id, at: origin.at, actor: origin.actor.clone(), news })
}

/// Returns the disclosure of a secret so far.
fn window(view: &dyn View, secret: &EscrowedSecret) -> Result<Option<Window>, StoreError> {
    let Some((opened, key)) = &secret.disclosed else { return Ok(None) };
    let reader = reader_of(view, secret.context.tenant, key)?;
    Ok(Some(Window { opened: *opened, reader, ends: Some(secret.expires).filter(|ends| *ends != UNTIL_REPLACED) }))
}

/// Splits an [`Actor::key`] into the application and the person. Ids of applications have no slash; names of operators
/// (`login/sudo`) and subjects of other issuers may have one.
fn parts_of(key: &str) -> (&str, &str) {
    key.split_once('/').unwrap_or((key, NO_PERSON))
}

/// Returns the name of the caller with that [`Actor::key`], as far as this server knows one.
fn reader_of(view: &dyn View, tenant: TenantId, key: &str) -> Result<String, StoreError> {
    let (application, person) = parts_of(key);
    if person != NO_PERSON {
        let user = match person.parse() {
            Ok(id) => view.resource(tenant, ResourceKind::User, ResourceId(id))?,
            Err(_) => None,
        };
        return Ok(user.and_then(|user| user.alternate_key).unwrap_or_else(|| person.to_owned()));
    }
    let known = match application.parse() {
        Ok(id) => view.application(tenant, id)?,
        Err(_) => None,
    };
    Ok(known.map_or_else(|| application.to_owned(), |application| application.display_name))
}

/// Returns the end of the window, which opens with the first disclosure and never outlives the retention of an unread
/// value.
fn end_of_window(secret: &EscrowedSecret, settings: &TenantSettings, now: Timestamp) -> Timestamp {
    now.checked_add(settings.disclosure_window()).map_or(secret.expires, |end| end.min(secret.expires))
}

/// Returns the envelope if that caller may read that secret now. An unread one ends when it is destroyed, not before.
/// Pure.
pub fn decide(secret: &EscrowedSecret, caller_key: &str, now: Timestamp) -> Result<Vec<u8>, Withheld> {
    let over = secret.expires <= now;
    match &secret.disclosed {
        _ if secret.expires == UNTIL_REPLACED => {}
        Some((_, reader)) if reader != caller_key => return Err(Withheld::OtherCaller),
        Some(_) if over => return Err(Withheld::WindowOver),
        Some(_) | None => {}
    }
    secret.envelope.clone().ok_or(Withheld::Shredded)
}

/// Marks the envelopes and sign-ins whose time is over. Removes the sign-ins that are ripe, and destroys the ripe
/// envelopes, at most `limit` of them; returns their number.
pub fn shred(unit: &mut dyn UnitOfWork, ripeness: &Ripeness, limit: usize) -> Result<usize, Fault> {
    let now = ripeness.now;
    unit.delete_ripe_sign_ins(ripeness)?;
    unit.set_marks(ripeness)?;
    let ripe = unit.secrets_ripe(ripeness, limit)?;
    for secret in &ripe {
        unit.update_secret(&EscrowedSecret { envelope: None, ..secret.clone() })?;
        let event = AuditEvent::new(secret.context.tenant, now, Actor::system(), Activity::SecretShredded)
            .on_device(secret.context.device)
            .for_action(secret.context.action)
            .with("secret", secret.id)
            .with("read", secret.disclosed.is_some());
        unit.append_audit(&event)?;
    }
    Ok(ripe.len())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::caller::HostUser;
    use crate::id::{ActionId, DeviceId};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).expect("a valid time")
    }

    fn secret(disclosed: Option<(Timestamp, &str)>, expires: Timestamp) -> EscrowedSecret {
        let nil = uuid::Uuid::nil();
        EscrowedSecret {
            id: SecretId(nil),
            context: SecretContext {
                tenant: TenantId(nil),
                device: DeviceId(nil),
                action: ActionId(nil),
                attempt: 1,
                kind: SecretKind::Passcode,
            },
            envelope: Some(vec![1]),
            standing: Standing::Current,
            received: at(0),
            expires,
            disclosed: disclosed.map(|(when, who)| (when, who.to_owned())),
        }
    }

    #[test]
    fn a_reader_is_named_whole() {
        let operator = |login: &str, sudo: &str| {
            let (login, sudo_user) = (Some(login.to_owned()), Some(sudo.to_owned()));
            Actor::operator(&HostUser { login, sudo_user, ..HostUser::new("chaveiro", 7) }).key()
        };
        for (key, parts) in [
            (operator("ana", "ana"), ("chaveiro-cli", "ana")),
            // A person who sets the variable of `sudo` cannot hide the login behind it.
            (operator("ana", "bob"), ("chaveiro-cli", "ana/bob")),
            ("app/https://idp.example/7".to_owned(), ("app", "https://idp.example/7")),
            ("app/-".to_owned(), ("app", NO_PERSON)),
            ("app".to_owned(), ("app", NO_PERSON)),
        ] {
            assert_eq!(parts_of(&key), parts, "{key}");
        }
    }

    #[test]
    fn an_unread_passcode_is_shown_until_it_is_destroyed() {
        for second in [99, 100, 100 + 43 * 86_400] {
            assert!(decide(&secret(None, at(100)), "ana", at(second)).is_ok(), "{second}");
        }
        let destroyed = EscrowedSecret { envelope: None, ..secret(None, at(100)) };
        assert_eq!(decide(&destroyed, "ana", at(100)), Err(Withheld::Shredded));
    }

    #[test]
    fn within_the_window_only_the_first_reader_reads_again() {
        let read = secret(Some((at(10), "ana")), at(100));
        assert!(decide(&read, "ana", at(99)).is_ok());
        assert_eq!(decide(&read, "bob", at(99)), Err(Withheld::OtherCaller));
        assert_eq!(decide(&read, "ana", at(100)), Err(Withheld::WindowOver));
    }

    #[test]
    fn a_shredded_passcode_is_not_shown() {
        let shredded = EscrowedSecret { envelope: None, ..secret(None, at(100)) };
        assert_eq!(decide(&shredded, "ana", at(1)), Err(Withheld::Shredded));
    }

    #[test]
    fn the_window_never_outlives_the_retention() {
        let settings = TenantSettings { disclosure_window_s: 900, ..TenantSettings::default() };
        assert_eq!(end_of_window(&secret(None, at(100)), &settings, at(50)), at(100));
        let long = secret(None, at(100_000));
        assert_eq!(
            end_of_window(&long, &settings, at(50)),
            at(50).checked_add(Duration::from_secs(900)).expect("a valid time")
        );
    }
}
