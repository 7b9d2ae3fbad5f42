//! A device's certificate request.
#![no_main]

use chaveiro_mdm::VerifiedRequest;

libfuzzer_sys::fuzz_target!(|der: &[u8]| {
    let _ = VerifiedRequest::verify(der);
});
