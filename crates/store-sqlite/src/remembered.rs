//! What a connection has read and verified of tables that are small, asked for by every request, and seldom changed.
//!
//! It is forgotten when anything could make it untrue. A commit of another connection changes SQLite's number of the data. A
//! change by the connection itself calls [`Remembered::forget`]. It can be undone, so nothing is remembered until the end of
//! its transaction.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use chaveiro_core::hold::HoldKind;
use chaveiro_core::id::{ApplicationId, TenantId};
use chaveiro_core::keys::KeyName;
use chaveiro_core::ports::StoreError;
use chaveiro_core::principal::Principal;
use rusqlite::Connection;

use crate::codec::one;

/// A question whose answer is remembered.
#[derive(PartialEq, Eq, Hash)]
pub(crate) enum Question {
    Tenant(TenantId),
    Application(TenantId, ApplicationId),
    AssignmentsOf(TenantId, Vec<Principal>),
    ValidFrom(TenantId, Vec<Principal>),
    CurrentKeys(Vec<KeyName>),
    /// The holds of the tenant are as this program left them.
    WholeHolds(TenantId),
    NewestHold(TenantId, HoldKind, Option<String>),
}

/// The answers of one connection.
#[derive(Default)]
pub(crate) struct Remembered {
    /// SQLite's number of the data that the answers are from.
    data: Cell<Option<i64>>,
    changed: Cell<bool>,
    answers: RefCell<HashMap<Question, Box<dyn Any + Send>>>,
}

/// The most answers that a connection remembers.
const MOST: usize = 1024;

impl Remembered {
    /// Keeps what still holds, at the begin of a transaction.
    pub(crate) fn begin(&self, connection: &Connection) -> Result<(), StoreError> {
        let data = one(connection, "PRAGMA data_version", [], |row| Ok(row.get(0)?))?;
        if self.changed.replace(false) || self.data.replace(data) != data {
            self.answers.borrow_mut().clear();
        }
        Ok(())
    }

    /// Forgets everything, because this transaction changes something.
    pub(crate) fn forget(&self) {
        self.changed.set(true);
        self.answers.borrow_mut().clear();
    }

    /// Returns the answer, which `read` finds if it is not known.
    pub(crate) fn answer<T: Clone + Send + 'static>(
        &self,
        question: Question,
        read: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(known) = self.known(&question) {
            return Ok(known);
        }
        let answer = read()?;
        self.keep(question, &answer);
        Ok(answer)
    }

    /// Returns the answer as [`Self::answer`] does. An absence is not remembered: callers without proof can ask for any number
    /// of names that are not there.
    pub(crate) fn present<T: Clone + Send + 'static>(
        &self,
        question: Question,
        read: impl FnOnce() -> Result<Option<T>, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        if let Some(known) = self.known(&question) {
            return Ok(Some(known));
        }
        let answer = read()?;
        if let Some(answer) = &answer {
            self.keep(question, answer);
        }
        Ok(answer)
    }

    fn known<T: Clone + 'static>(&self, question: &Question) -> Option<T> {
        self.answers.borrow().get(question).and_then(|answer| answer.downcast_ref().cloned())
    }

    fn keep<T: Clone + Send + 'static>(&self, question: Question, answer: &T) {
        if self.changed.get() {
            return;
        }
        let mut answers = self.answers.borrow_mut();
        if answers.len() >= MOST {
            answers.clear();
        }
        answers.insert(question, Box::new(answer.clone()));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use chaveiro_core::Timestamp;
    use chaveiro_core::application::Application;
    use chaveiro_core::caller::Actor;
    use chaveiro_core::hold::{Hold, Release};
    use chaveiro_core::id::{AssignmentId, HoldId};
    use chaveiro_core::keys::{Fingerprint, KnownKey};
    use chaveiro_core::ports::{Fault, Store, UnitOfWork, View};
    use chaveiro_core::principal::{PrincipalKind, RoleAssignment};
    use chaveiro_core::role::ROLES;
    use chaveiro_core::scope_tag::Visibility;
    use chaveiro_core::tenant::Tenant;
    use uuid::Uuid;

    use super::*;
    use crate::SqliteStore;

    const TENANT: TenantId = TenantId(Uuid::from_u128(1));
    const APPLICATION: ApplicationId = ApplicationId(Uuid::from_u128(2));

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn principal() -> Principal {
        Principal { kind: PrincipalKind::Application, text: APPLICATION.0.to_string() }
    }

    /// The tenant that a step makes.
    fn other(step: i64) -> TenantId {
        TenantId(Uuid::from_u128(100 + step as u128))
    }

    fn key() -> KeyName {
        KeyName::EscrowRecipients(TENANT)
    }

    /// Everything that is remembered, as text.
    fn everything(view: &dyn View) -> Result<[String; 7], StoreError> {
        let principals = [principal()];
        Ok([
            format!("{:?}", view.tenant(TENANT)?),
            format!("{:?}", view.application(TENANT, APPLICATION)?),
            format!("{:?}", view.role_assignments_of(TENANT, &principals)?),
            format!("{:?}", view.tokens_valid_from(TENANT, &principals)?),
            format!("{:?}", view.current_keys(&[key()])?),
            format!("{:?}", view.newest_hold(TENANT, HoldKind::Asking, None)?),
            format!("{:?}", (0..20).map(|step| view.tenant(other(step))).collect::<Result<Vec<_>, _>>()?),
        ])
    }

    /// A change of a store, and the place of what it changes among [`everything`].
    type Change = (&'static str, usize, fn(&mut dyn UnitOfWork, i64) -> Result<(), Fault>);

    /// Each can run any number of times.
    const CHANGES: &[Change] = &[
        ("a tenant is changed", 0, |unit, step| {
            Ok(unit.update_tenant(&Tenant::new(TENANT, step.to_string(), at(0)))?)
        }),
        ("an application is added", 1, |unit, step| Ok(unit.insert_application(&application(step))?)),
        ("an application is changed", 1, |unit, step| Ok(unit.update_application(&application(step + 100))?)),
        ("an application is removed", 1, |unit, _| Ok(unit.delete_application(TENANT, APPLICATION)?)),
        ("a role is assigned", 2, |unit, step| Ok(unit.insert_role_assignment(&assignment(step))?)),
        ("an assignment is changed", 2, |unit, step| Ok(unit.update_role_assignment(&assignment(step + 100))?)),
        ("an assignment is removed", 2, |unit, _| {
            unit.delete_role_assignment(TENANT, AssignmentId(Uuid::from_u128(3)))?;
            Ok(())
        }),
        ("tokens are revoked", 3, |unit, step| Ok(unit.set_tokens_valid_from(TENANT, &principal(), at(step))?)),
        ("a key becomes known", 4, |unit, step| Ok(unit.put_known_key(&known(step))?)),
        ("a key ends", 4, |unit, step| Ok(unit.end_known_key(&key(), at(step))?)),
        ("a hold is placed", 5, |unit, step| Ok(unit.insert_hold(&hold(step))?)),
        ("a hold is released", 5, |unit, step| {
            let newest = unit.newest_hold(TENANT, HoldKind::Asking, None)?.ok_or(StoreError::Busy)?;
            let released = Some(Release { at: at(step), by: Actor::system(), quiet_until: None, reason: None });
            Ok(unit.update_hold(&Hold { released, ..newest })?)
        }),
        ("a tenant is made", 6, |unit, step| Ok(unit.insert_tenant(&Tenant::new(other(step), "other", at(0)))?)),
    ];

    fn application(step: i64) -> Application {
        Application { id: APPLICATION, display_name: step.to_string(), ..Application::command_line(TENANT) }
    }

    fn assignment(step: i64) -> RoleAssignment {
        RoleAssignment {
            id: AssignmentId(Uuid::from_u128(3)),
            tenant: TENANT,
            display_name: Some(step.to_string()),
            description: None,
            role: ROLES.first().expect("a role"),
            principal: principal(),
            scope: Visibility::All,
            created: at(0),
        }
    }

    fn known(step: i64) -> KnownKey {
        KnownKey {
            name: key(),
            fingerprint: Fingerprint([step as u8; 32]),
            since: at(step),
            until: None,
            away: false,
            running_s: 0,
        }
    }

    fn hold(step: i64) -> Hold {
        Hold {
            id: HoldId(Uuid::from_u128(1000 + step as u128)),
            tenant: TENANT,
            kind: HoldKind::Asking,
            party: None,
            placed: at(step),
            caused_by: Actor::system(),
            counted: 1,
            released: None,
        }
    }

    fn store(directory: &Path) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(directory).expect("a store"))
    }

    /// A store with its tenant, whose readers and writer have been asked everything.
    async fn world(directory: &Path) -> Arc<dyn Store> {
        let store = store(directory);
        let insert = |unit: &mut dyn UnitOfWork| Ok(unit.insert_tenant(&Tenant::new(TENANT, "t", at(0)))?);
        store.write(insert).await.expect("a tenant");
        store
    }

    #[tokio::test]
    async fn a_change_is_seen_by_its_own_unit_of_work_and_by_every_later_transaction() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = world(directory.path()).await;
        for (step, (name, place, change)) in (1..).zip(CHANGES) {
            let (change, place) = (*change, *place);
            let unit = move |unit: &mut dyn UnitOfWork| {
                let before = everything(unit)?;
                change(unit, step)?;
                Ok((before, everything(unit)?))
            };
            let (before, after) = store.write(unit).await.expect("changed");
            assert_ne!(before[place], after[place], "{name}");
            for _ in 0..4 {
                assert_eq!(store.read(|view| Ok(everything(view)?)).await.expect("read"), after, "{name}");
            }
            let later = store.write(|unit| Ok(everything(unit)?)).await.expect("read");
            assert_eq!(later, after, "{name}");
        }
    }

    #[tokio::test]
    async fn a_change_that_is_undone_is_never_remembered() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = world(directory.path()).await;
        for (step, (name, _, change)) in (1..).zip(CHANGES) {
            let change = *change;
            let before = store.write(|unit| Ok(everything(unit)?)).await.expect("read");
            let undone = store.write(move |unit| {
                change(unit, step)?;
                everything(unit)?;
                Err::<(), _>(Fault::from(StoreError::Busy))
            });
            undone.await.expect_err("undone");
            let after = store.write(|unit| Ok(everything(unit)?)).await.expect("read");
            assert_eq!(before, after, "{name}");
            store.write(move |unit| change(unit, step)).await.expect("changed");
        }
    }

    #[tokio::test]
    async fn a_change_by_another_process_is_seen_by_the_next_transaction() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = world(directory.path()).await;
        for (step, (name, place, change)) in (1..).zip(CHANGES) {
            let ask = || async {
                let written = store.write(|unit| Ok(everything(unit)?)).await.expect("read");
                let read = store.read(|view| Ok(everything(view)?)).await.expect("read");
                assert_eq!(written, read, "{name}");
                read
            };
            let before = ask().await;
            let change = *change;
            // A store of its own is a connection of its own, as that of another program.
            self::store(directory.path()).write(move |unit| change(unit, step)).await.expect("changed");
            assert_ne!(ask().await[*place], before[*place], "{name}");
        }
    }

    #[tokio::test]
    async fn rows_that_are_accepted_are_seen_by_the_unit_of_work_that_accepts_them() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = world(directory.path()).await;
        store.write(|unit| Ok(unit.insert_application(&application(1))?)).await.expect("added");
        let edited = rusqlite::Connection::open(directory.path().join(crate::FILE_NAME)).expect("opened");
        edited.execute("UPDATE application SET display_name = 'edited'", []).expect("edited");
        let name = |view: &dyn View| format!("{:?}", view.application(TENANT, APPLICATION));
        let settled = store.write(move |unit| {
            let before = name(unit);
            unit.settle_rows(false)?;
            Ok((before, name(unit)))
        });
        let (before, after) = settled.await.expect("settled");
        assert!(!before.contains("edited") && after.contains("edited"), "{before} {after}");
        assert_eq!(store.read(move |view| Ok(name(view))).await.expect("read"), after);
    }

    #[tokio::test]
    async fn names_that_are_not_there_take_no_room() {
        let directory = tempfile::tempdir().expect("a directory");
        let connection = rusqlite::Connection::open(directory.path().join("any")).expect("opened");
        let remembered = Remembered::default();
        remembered.begin(&connection).expect("begun");
        for number in 0..MOST as u128 {
            let question = Question::Application(TENANT, ApplicationId(Uuid::from_u128(number)));
            assert_eq!(remembered.present(question, || Ok(None::<u8>)).expect("asked"), None);
        }
        assert!(remembered.answers.borrow().is_empty());
    }
}
