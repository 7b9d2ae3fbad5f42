//! An export of the audit chain: nothing here was signed with a key of ours.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = chaveiro_audit::verify(&mut &*bytes, None);
});
