//! The watcher that tells an operator which external issuers' signing keys cannot be fetched, before their tokens are
//! refused.

use std::sync::Arc;
use std::time::Duration;

use chaveiro_auth::Verifier;
use chaveiro_core::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::health::{Complaint, Health, Subject, Weight};

const INTERVAL: Duration = Duration::from_secs(15);

/// Checks repeatedly until it is stopped. It never fetches keys itself: a token that needs them does.
pub(crate) async fn watch(verifier: Arc<Verifier>, health: Arc<Health>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_some() {
        health.set(Subject::Issuers, complaint(&verifier.unreachable()));
    }
}

fn complaint(unreachable: &[(&str, Option<Timestamp>)]) -> Option<Complaint> {
    let of_one = |(issuer, until): &(&str, Option<Timestamp>)| match until {
        Some(until) => format!("{issuer} (the known ones serve until {until})"),
        None => format!("{issuer} (none are known)"),
    };
    let named = unreachable.iter().map(of_one).collect::<Vec<_>>().join(", ");
    let text = format!("the signing keys of issuers cannot be fetched: {named}; see the log for the reason");
    // Tokens of the local issuer still count.
    (!unreachable.is_empty()).then_some(Complaint { weight: Weight::Notice, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_is_told_which_issuer_cannot_be_reached_and_until_when_its_tokens_count() {
        assert_eq!(complaint(&[]), None);
        let until = Timestamp::from_second(1_800_000_000).expect("a time");
        let told = complaint(&[("https://a.example", Some(until)), ("https://b.example", None)]).expect("one");
        assert_eq!(told.weight, Weight::Notice);
        for words in ["https://a.example (the known ones serve until 2027-01-15", "https://b.example (none are known)"]
        {
            assert!(told.text.contains(words), "{}", told.text);
        }
    }
}
