//! A certificate that an operator registers.
#![no_main]

use chaveiro_auth::read_certificate;
use chaveiro_core::Timestamp;

libfuzzer_sys::fuzz_target!(|pem: &str| {
    let Ok(kept) = read_certificate(pem, Timestamp::UNIX_EPOCH) else { return };
    // What is kept can be read again, and is the same certificate.
    let again = read_certificate(&kept.pem, Timestamp::UNIX_EPOCH);
    assert_eq!(again, Ok(kept));
});
