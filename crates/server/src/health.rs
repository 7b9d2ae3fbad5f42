//! Conditions that an operator must know about. `/readyz` reports them, `/metrics` shows them, and the log says when
//! one begins and ends.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use strum::VariantArray;

/// A subject that has at most one complaint at a time. The name is stable: metrics are labelled with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, VariantArray)]
pub(crate) enum Subject {
    /// The disk has enough room.
    Disk,
    /// The database is undamaged, and its log was when the server started.
    Database,
    /// The system's clock and the monotonic clock agree.
    Clock,
    /// Every tenant's escrow seals, and opens if the private key belongs on this server.
    Escrow,
    /// Every key file holds the key that the database knows.
    Keys,
    /// The audit record and the rows that grant rights verify.
    Record,
    /// The signing keys of every external issuer were fetched at the last attempt.
    Issuers,
}

impl Subject {
    /// Every subject, in the order of `/readyz`.
    pub(crate) const ALL: &'static [Self] = Self::VARIANTS;

    /// The stable name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Database => "database",
            Self::Clock => "clock",
            Self::Escrow => "escrow",
            Self::Keys => "keys",
            Self::Record => "record",
            Self::Issuers => "issuers",
        }
    }
}

/// The weight of a complaint for a load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// The server serves; an operator should look.
    Notice,
    /// The server cannot do its work: `/readyz` answers 503.
    Fault,
}

/// A complaint: a sentence that states the problem and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) weight: Weight,
    pub(crate) text: String,
}

/// The current complaints. The watcher of a subject sets its complaint after each look.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<BTreeMap<Subject, Complaint>>);

impl Health {
    /// Replaces the complaint about a subject, or ends it. The log says when one begins, ends or changes its weight;
    /// numbers in its text may change with each look.
    pub(crate) fn set(&self, subject: Subject, complaint: Option<Complaint>) {
        let mut complaints = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match &complaint {
            Some(complaint) => complaints.insert(subject, complaint.clone()),
            None => complaints.remove(&subject),
        };
        match complaint {
            Some(new) if before.as_ref().is_none_or(|before| before.weight != new.weight) => {
                tracing::error!(subject = subject.name(), complaint = new.text, "the server is not well");
            }
            None if before.is_some() => tracing::info!(subject = subject.name(), "the server is well again"),
            _ => {}
        }
    }

    /// The current complaints, in the order of their subjects.
    pub(crate) fn complaints(&self) -> Vec<(Subject, Complaint)> {
        let complaints = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        complaints.iter().map(|(subject, complaint)| (*subject, complaint.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_has_one_complaint_and_none_when_it_is_well() {
        let health = Health::default();
        let complaint = |text: &str| Complaint { weight: Weight::Fault, text: text.to_owned() };
        health.set(Subject::Clock, Some(complaint("a")));
        health.set(Subject::Clock, Some(complaint("b")));
        health.set(Subject::Disk, Some(complaint("c")));
        assert_eq!(health.complaints(), [(Subject::Disk, complaint("c")), (Subject::Clock, complaint("b"))]);
        health.set(Subject::Clock, None);
        health.set(Subject::Disk, None);
        assert_eq!(health.complaints(), []);
    }
}
