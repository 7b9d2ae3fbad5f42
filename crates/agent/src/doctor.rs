//! Examines whether this machine is ready for each recovery, before a user is locked out.

use std::path::{Path, PathBuf};

use anyhow::Result;
use chaveiro_core::lock::{DeviceLock, Lock};
use serde_json::{Value, json};

use crate::config::Config;
use crate::locks::{Found, Locks, Proven};
use crate::login::Accounts;
use crate::luks::{LuksError, Role, Volume};
use crate::obstacle::Obstacle;
use crate::recovery::Recovery;
use crate::state::State;
use crate::text::{left_behind, verdict};
use chaveiro_lang::{Explain, Lang, text};

/// One lock, and what stands in the way of recovering it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    /// The lock; its subject is empty when the machine has no such lock.
    pub(crate) of: DeviceLock,
    pub(crate) obstacle: Option<Obstacle>,
    /// The key slots of a volume.
    pub(crate) slots: Option<KeySlots>,
}

/// The key slots of a volume, by their owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeySlots {
    agent: Vec<u8>,
    escrow: Vec<u8>,
    /// Slots that recoveries added and no longer need.
    left_behind: Vec<u8>,
    /// Slots of people and of other programs.
    others: Vec<u8>,
    free: u64,
}

/// The free key slots that suffice for the next recovery, but not for one that is interrupted.
const FEW: u64 = 1;

impl KeySlots {
    fn of(volume: &Volume, left_behind: Vec<u8>) -> Result<Self, LuksError> {
        let owned = volume.owned()?;
        let is_left = |slot: &u8| left_behind.contains(slot);
        let of = |role| owned.iter().filter(move |owned| owned.role == role).map(|owned| owned.slot);
        Ok(Self {
            agent: of(Role::Agent).collect(),
            escrow: of(Role::Escrow).filter(|slot| !is_left(slot)).collect(),
            others: volume.not_named()?.into_iter().filter(|slot| !is_left(slot)).collect(),
            free: volume.free_slots()?,
            left_behind,
        })
    }

    fn to_json(&self) -> Value {
        json!({
            "agent": self.agent,
            "escrow": self.escrow,
            "leftBehind": self.left_behind,
            "others": self.others,
            "free": self.free,
        })
    }
}

impl Finding {
    /// Returns true if the lock can be recovered, or this machine has no such lock: most machines have no encrypted volume.
    pub(crate) fn is_good(&self) -> bool {
        matches!(self.obstacle, None | Some(Obstacle::NoVolume))
    }

    /// The row of the finding, and one for what recoveries left behind.
    pub(crate) fn rows(&self, lang: Lang) -> Vec<[String; 4]> {
        let (lock, subject) = (self.of.lock.name().to_owned(), self.of.subject.clone());
        let (what, hint) = verdict(lang, self.obstacle.as_ref());
        let mut rows = vec![[lock.clone(), subject.clone(), what, hint]];
        if let Some(slots) = self.slots.as_ref().filter(|slots| !slots.left_behind.is_empty()) {
            let (what, hint) = left_behind(lang, &slots.left_behind);
            rows.push([lock, subject, what, hint]);
        }
        rows
    }

    pub(crate) fn to_json(&self, lang: Lang) -> Value {
        let mut value = self.verdict_json(lang);
        if let Some(slots) = &self.slots {
            value["keySlots"] = slots.to_json();
        }
        value
    }

    fn verdict_json(&self, lang: Lang) -> Value {
        let (reason, hint) = verdict(lang, self.obstacle.as_ref());
        let (recovery, subject) = (self.of.lock.name(), &self.of.subject);
        match &self.obstacle {
            None => json!({"recovery": recovery, "subject": subject, "ready": true}),
            Some(obstacle) => json!({
                "recovery": recovery,
                "subject": subject,
                "ready": false,
                "code": obstacle.code(),
                "reason": reason,
                "hint": hint,
            }),
        }
    }
}

/// Looks at the system below `root`. `today` is the day, counted from 1970.
pub(crate) fn examine(
    root: &Path,
    state: &State,
    config: &Config,
    named: Option<&str>,
    volumes: &[PathBuf],
    today: i64,
) -> Result<Vec<Finding>> {
    let mut config = config.clone();
    if let Some(name) = named {
        config.account = Some(name.to_owned());
    }
    if !volumes.is_empty() {
        config.volumes = volumes.to_vec();
    }
    Accounts { root }.passwd().explain(|| text!("agent-no-system", root = root))?;
    let locks = Locks { root, config: &config, keys: &state.volumes(), proven: &Proven::default() };
    let found = [Lock::Login, Lock::Luks2].into_iter().flat_map(|lock| locks.find(lock, today));
    // What recoveries left is known to root alone, who can read the journal.
    let recovery = Recovery::open(root, state.directory(), config.clone()).ok();
    let look = |Found { of, obstacle }: Found| {
        let path = Path::new(&of.subject);
        let left =
            recovery.as_ref().filter(|_| of.lock == Lock::Luks2).and_then(|recovery| recovery.slots_left(path).ok());
        let slots = left.and_then(|left| KeySlots::of(&locks.volume(path), left).ok());
        let is_few = slots.as_ref().is_some_and(|slots| slots.free <= FEW);
        let obstacle = obstacle.or_else(|| is_few.then_some(Obstacle::FewFreeSlots));
        Finding { of, obstacle, slots }
    };
    Ok(found.map(look).collect())
}
