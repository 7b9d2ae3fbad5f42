//! A client certificate that a proxy hands on in a header.
#![no_main]

use chaveiro_core::Timestamp;
use chaveiro_mdm::forwarded_certificate;

libfuzzer_sys::fuzz_target!(|header: &[u8]| {
    let now = Timestamp::from_second(1_800_000_000).expect("a time");
    let Some(der) = forwarded_certificate(header, now) else { return };
    assert!(der.len() <= header.len(), "a certificate is shorter than the text that it is read from");
});
