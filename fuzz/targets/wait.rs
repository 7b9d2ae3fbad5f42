//! The head of a request to wait: what was read whole is read in the same way however it arrives, and nothing that
//! follows it is lost.
#![no_main]

use chaveiro_mdm::{Head, WAKE_PATH};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Head::Wait(request) = Head::read(bytes) else { return };
    assert_eq!(request.uri().path(), WAKE_PATH);
    for end in 0..bytes.len() {
        assert!(matches!(Head::read(&bytes[..end]), Head::Partial), "it was decided before it was whole");
    }
    assert!(!matches!(Head::read(&[bytes, b"x"].concat()), Head::Wait(_)), "bytes that follow are dropped");
});
