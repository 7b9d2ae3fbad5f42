//! The mark and the log beside the database, as a damaged disk leaves them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = chaveiro_store_sqlite::Promise::from_slot(bytes, 1);
    let log = chaveiro_store_sqlite::scan_log(bytes).expect("memory is readable");
    assert!(log.committed <= bytes.len() as u64 / 536);
});
