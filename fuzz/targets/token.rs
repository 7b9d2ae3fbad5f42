//! The `Authorization` header of a Graph request: nothing here is a token of ours. And its claims, as those of another issuer
//! are read once its signature is found good.
#![no_main]

use std::sync::{Arc, LazyLock};

use chaveiro_auth::{IssuerConfig, IssuerKeys, LocalIssuer, Reading, Verifier};
use chaveiro_core::Timestamp;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::Entropy;

struct Fixed;

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("a directory");
    let keys = IssuerKeys::create(directory.path(), Timestamp::UNIX_EPOCH, &Fixed).expect("keys");
    Verifier::local_only(Arc::new(LocalIssuer::new(keys, "https://chaveiro.example".to_owned())), Vec::new())
});

static ISSUERS: LazyLock<[IssuerConfig; 1]> = LazyLock::new(|| {
    let subjects = vec!["service-1".to_owned()];
    [IssuerConfig { application_subjects: subjects, ..IssuerConfig::new("https://i", TenantId(Default::default())) }]
});

libfuzzer_sys::fuzz_target!(|header: &str| {
    if let Ok(reading) = Reading::of(header.trim_start_matches("Bearer "), ISSUERS.as_slice()) {
        assert!(!reading.client.trim().is_empty(), "a token of no client was believed");
        assert!(reading.application || reading.subject.is_some(), "a person without a name");
    }
    let caller = futures_executor::block_on(VERIFIER.verify(Some(header), Timestamp::UNIX_EPOCH));
    assert!(caller.is_err(), "a token without a valid signature was believed");
});
