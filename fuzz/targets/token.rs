//! The `Authorization` header of a Graph request: nothing here is a token of ours.
#![no_main]

use std::sync::{Arc, LazyLock};

use chaveiro_auth::{IssuerKeys, LocalIssuer, Verifier};
use chaveiro_core::Timestamp;
use chaveiro_core::ports::Entropy;

struct Fixed;

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("a directory");
    let keys = IssuerKeys::open_or_create(directory.path(), Timestamp::UNIX_EPOCH, &Fixed).expect("keys");
    Verifier::local_only(Arc::new(LocalIssuer::new(keys, "https://chaveiro.example".to_owned())), Vec::new())
});

libfuzzer_sys::fuzz_target!(|header: &str| {
    let caller = futures_executor::block_on(VERIFIER.verify(Some(header), Timestamp::UNIX_EPOCH));
    assert!(caller.is_err(), "a token that nobody signed was believed");
});
