//! The provisioning document, as a device reads it.
#![no_main]

use omadm::provisioning::Provisioned;

libfuzzer_sys::fuzz_target!(|document: &str| {
    let _ = Provisioned::decode(document);
});
