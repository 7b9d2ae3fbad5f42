//! Changes of a tenant: its licence, its directory and its settings.
//!
//! Reading, changing and writing is one unit of work, so that no change is lost. Each setting is recorded with its old
//! and its new value. Protection that is lowered or switched off raises an alert.

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::alert::{Alert, Lowered, News};
use crate::audit::{Activity, AuditEvent};
use crate::caller::Actor;
use crate::hold::HoldRule;
use crate::id::TenantId;
use crate::ports::{Fault, StoreError, UnitOfWork};
use crate::reading::ReadingRule;
use crate::refusal::{Refusal, ResourceRefusal, TenantRefusal};
use crate::tenant::{BOUNDED, Bounded, Tenant, TenantSettings};

/// The request to change a tenant.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The party that changes it.
    pub by: Actor,
    /// The tenant.
    pub tenant: TenantId,
    /// The time.
    pub at: Timestamp,
    /// A fresh id, for the alert if one is raised.
    pub about: Uuid,
}

/// A setting with a new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The name, as it is stored.
    pub setting: String,
    /// The value before.
    pub before: String,
    /// The value after.
    pub after: String,
}

/// Changes a tenant with `change`; if that refuses, everything stays as it is. Returns the changed tenant and the
/// changed settings. Nothing is written or recorded if nothing differs.
pub fn change<E: From<Refusal>>(
    unit: &mut dyn UnitOfWork,
    ask: &Ask,
    change: impl FnOnce(&mut Tenant) -> Result<(), E>,
) -> Result<(Tenant, Vec<Change>), Fault<E>> {
    let found = unit.tenant(ask.tenant)?;
    let before = found.ok_or_else(|| Fault::Refused(Refusal::from(ResourceRefusal::NotFound("tenant")).into()))?;
    let mut after = before.clone();
    change(&mut after).map_err(Fault::Refused)?;
    if let Some(refusal) = out_of_bounds(&before.settings, &after.settings) {
        return Err(Fault::Refused(Refusal::from(refusal).into()));
    }
    let changes = changes(&before, &after)?;
    if changes.is_empty() {
        return Ok((after, changes));
    }
    unit.update_tenant(&after)?;
    for change in &changes {
        let event = AuditEvent::new(ask.tenant, ask.at, ask.by.clone(), Activity::TenantChanged);
        let event = event.with("setting", &change.setting).with("before", &change.before).with("after", &change.after);
        unit.append_audit(&event)?;
    }
    let settings = lowered(&before.settings, &after.settings);
    if !settings.is_empty() {
        unit.insert_alert(&Alert {
            tenant: ask.tenant,
            about: ask.about,
            at: ask.at,
            actor: ask.by.clone(),
            news: News::ProtectionLowered { settings },
        })?;
    }
    Ok((after, changes))
}

/// The first setting that changes to a value outside its bounds. One that has such a value from earlier stays usable.
fn out_of_bounds(before: &TenantSettings, after: &TenantSettings) -> Option<TenantRefusal> {
    let changes = |of: &&Bounded| (of.stored)(before) != (of.stored)(after);
    let wrong = BOUNDED.iter().filter(changes).find(|of| !of.holds(after))?;
    let Bounded { setting, unit, least, most, .. } = wrong;
    Some(TenantRefusal::OutOfBounds { setting, least: least * unit, most: most * unit })
}

/// Returns every value that differs. The settings are compared as they are stored, so that none can be forgotten.
fn changes(before: &Tenant, after: &Tenant) -> Result<Vec<Change>, StoreError> {
    let (before, after) = (values(before)?, values(after)?);
    let mut names: Vec<_> = before.iter().chain(&after).map(|(name, _)| name.clone()).collect();
    names.sort();
    names.dedup();
    let value = |of: &[(String, Value)], name: &str| {
        let found = of.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        found.map_or_else(|| "-".to_owned(), |value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let changes = names.into_iter().map(|setting| {
        let (before, after) = (value(&before, &setting), value(&after, &setting));
        Change { setting, before, after }
    });
    Ok(changes.filter(|change| change.before != change.after).collect())
}

/// Lists the values of a tenant by name; members of a group of settings as `group.member`.
fn values(tenant: &Tenant) -> Result<Vec<(String, Value)>, StoreError> {
    let Tenant { id: _, display_name, licence, entra_tenant, settings, created: _ } = tenant;
    let json = |value: serde_json::Result<Value>| value.map_err(|error| StoreError::Inconsistent(error.to_string()));
    let mut values = vec![
        ("displayName".to_owned(), Value::from(display_name.as_str())),
        ("licence".to_owned(), json(serde_json::to_value(licence))?),
        ("entraTenant".to_owned(), json(serde_json::to_value(entra_tenant))?),
    ];
    if let Value::Object(members) = json(serde_json::to_value(settings))? {
        for (name, value) in members {
            match value {
                Value::Object(group) => {
                    values.extend(group.into_iter().map(|(member, value)| (format!("{name}.{member}"), value)));
                }
                value => values.push((name, value)),
            }
        }
    }
    Ok(values)
}

/// Returns the settings that protect less than before. A shorter retention destroys unread passcodes sooner, and a
/// longer one keeps them for a thief, so each direction is reported for the two times. A new setting does not compile
/// until it is considered here.
fn lowered(before: &TenantSettings, after: &TenantSettings) -> Vec<Lowered> {
    let TenantSettings {
        disclosure_window_s,
        unread_retention_s,
        action_expiry_s: _,
        sign_in_life_s,
        linux_locks: _,
        passcode,
        must_change,
        lock_sessions,
        hold: HoldRule { recoveries, percent, window_s },
        reading: ReadingRule { passcodes, by_caller, percent: reading_percent, window_s: reading_window_s },
    } = *before;
    // 0 means any number.
    let beyond = |before: u64, after: u64| before != 0 && (after == 0 || after > before);
    let (entropy, entropy_after) = (passcode.entropy_bits().floor(), after.passcode.entropy_bits().floor());
    let number = |name: &'static str, is_lower: bool, before: u64, after: u64| {
        (name, is_lower, before.to_string(), after.to_string())
    };
    let limit = |name, before: u64, after: u64| number(name, beyond(before, after), before, after);
    let shorter = |name, before: u64, after: u64| number(name, after < before, before, after);
    let longer = |name, before: u64, after: u64| number(name, after > before, before, after);
    let other = |name, before: u64, after: u64| number(name, after != before, before, after);
    let flag = |name, before: bool, after: bool| (name, before && !after, before.to_string(), after.to_string());
    let rows = [
        limit("hold.recoveries", recoveries.into(), after.hold.recoveries.into()),
        limit("hold.percent", percent.into(), after.hold.percent.into()),
        shorter("hold.windowS", window_s, after.hold.window_s),
        limit("reading.passcodes", passcodes.into(), after.reading.passcodes.into()),
        limit("reading.byCaller", by_caller.into(), after.reading.by_caller.into()),
        limit("reading.percent", reading_percent.into(), after.reading.percent.into()),
        shorter("reading.windowS", reading_window_s, after.reading.window_s),
        other("disclosureWindowS", disclosure_window_s, after.disclosure_window_s),
        other("unreadRetentionS", unread_retention_s, after.unread_retention_s),
        longer("signInLifeS", sign_in_life_s, after.sign_in_life_s),
        flag("mustChange", must_change, after.must_change),
        flag("lockSessions", lock_sessions, after.lock_sessions),
        ("passcodeEntropyBits", entropy_after < entropy, entropy.to_string(), entropy_after.to_string()),
    ];
    let lower = rows.into_iter().filter(|(_, is_lower, ..)| *is_lower);
    lower.map(|(setting, _, before, after)| Lowered { setting: setting.to_owned(), before, after }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passcode::PasscodePolicy;
    use crate::tenant;

    #[test]
    fn a_setting_changes_within_its_bounds_alone_and_an_earlier_value_stays() {
        type Set = fn(&mut TenantSettings, u64);
        let table: [(&Bounded, Set); 8] = [
            (&tenant::DISCLOSURE_WINDOW, |of, value| of.disclosure_window_s = value),
            (&tenant::UNREAD_RETENTION, |of, value| of.unread_retention_s = value),
            (&tenant::ACTION_EXPIRY, |of, value| of.action_expiry_s = value),
            (&tenant::SIGN_IN_LIFE, |of, value| of.sign_in_life_s = value),
            (&tenant::HOLD_PERCENT, |of, value| of.hold.percent = value as u8),
            (&tenant::HOLD_WINDOW, |of, value| of.hold.window_s = value),
            (&tenant::READING_PERCENT, |of, value| of.reading.percent = value as u8),
            (&tenant::READING_WINDOW, |of, value| of.reading.window_s = value),
        ];
        assert_eq!(table.map(|(of, _)| of.setting), std::array::from_fn(|at| BOUNDED[at].setting), "each is here");
        let settings = TenantSettings::default();
        assert_eq!(out_of_bounds(&settings, &settings), None);
        for (bounded, set) in table {
            let with = |value: u64| {
                let mut settings = settings;
                set(&mut settings, value);
                settings
            };
            let (least, most) = (bounded.least * bounded.unit, bounded.most * bounded.unit);
            let refusal = Some(TenantRefusal::OutOfBounds { setting: bounded.setting, least, most });
            for (value, expected) in [(least, None), (most, None), (most + 1, refusal.clone())] {
                assert_eq!(out_of_bounds(&settings, &with(value)), expected, "{} {value}", bounded.setting);
            }
            if let Some(below) = least.checked_sub(1) {
                assert_eq!(out_of_bounds(&settings, &with(below)), refusal, "{} {below}", bounded.setting);
            }
            let former = with(most + 1);
            assert_eq!(out_of_bounds(&former, &TenantSettings { must_change: true, ..former }), None);
        }
    }

    #[test]
    fn a_setting_that_protects_less_is_reported_and_one_that_protects_more_is_not() {
        type Set = fn(&mut TenantSettings);
        let table: [(Set, &[&str]); 21] = [
            (|of| of.hold.recoveries = 51, &["hold.recoveries"]),
            (|of| of.hold.recoveries = 0, &["hold.recoveries"]),
            (|of| of.hold.recoveries = 49, &[]),
            (|of| of.hold.percent = 0, &["hold.percent"]),
            (|of| of.hold.percent = 4, &[]),
            (|of| of.hold.window_s = 60, &["hold.windowS"]),
            (|of| of.hold.window_s = 7200, &[]),
            (|of| of.reading.passcodes = 0, &["reading.passcodes"]),
            (|of| of.reading.by_caller = 1000, &["reading.byCaller"]),
            (|of| of.reading.percent = 11, &["reading.percent"]),
            (|of| of.reading.window_s = 1, &["reading.windowS"]),
            (|of| (of.reading.passcodes, of.reading.window_s) = (5, 7200), &[]),
            (|of| of.disclosure_window_s = 0, &["disclosureWindowS"]),
            (|of| of.disclosure_window_s = 86_400, &["disclosureWindowS"]),
            (|of| of.unread_retention_s = 0, &["unreadRetentionS"]),
            (|of| of.sign_in_life_s = 1, &[]),
            (|of| of.sign_in_life_s = 1 << 40, &["signInLifeS"]),
            (|of| of.must_change = false, &["mustChange"]),
            (|of| of.lock_sessions = false, &["lockSessions"]),
            (|of| of.action_expiry_s = 1, &[]),
            (
                |of| of.passcode = PasscodePolicy::Words { language: crate::passcode::WordLanguage::English, count: 4 },
                &["passcodeEntropyBits"],
            ),
        ];
        let before = TenantSettings { must_change: true, lock_sessions: true, ..TenantSettings::default() };
        for (index, (set, expected)) in table.iter().enumerate() {
            let mut after = before;
            set(&mut after);
            let found = lowered(&before, &after);
            let names: Vec<_> = found.iter().map(|lowered| lowered.setting.as_str()).collect();
            assert_eq!(names, *expected, "row {index}");
        }
        // A protection that was off cannot be switched off.
        let off = TenantSettings { hold: HoldRule { recoveries: 0, ..HoldRule::default() }, ..before };
        assert!(lowered(&off, &before).is_empty() && lowered(&off, &off).is_empty());
    }
}
