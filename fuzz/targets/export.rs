//! An export of the audit chain, and an earlier one or a file of checkpoints: nothing here was signed with a key of ours.
#![no_main]

use chaveiro_audit::{Earlier, Expected, Point, verify};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let expected = || Expected { allow_unsigned_tail: true, ..Expected::default() };
    let _ = verify(&mut &*bytes, Expected::default());
    let _ = verify(&mut &*bytes, expected());
    // The first half as the earlier state of the second.
    let (mut earlier, mut export) = bytes.split_at(bytes.len() / 2);
    let _ = verify(&mut export, Expected { earlier: Some(Earlier::File(&mut earlier)), ..expected() });
    if let Ok(point) = String::from_utf8_lossy(bytes).parse::<Point>() {
        assert_eq!(point.to_string().parse(), Ok(point));
    }
});
