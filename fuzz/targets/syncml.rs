//! A device's message: read, written, read again, the same.
#![no_main]

use omadm::Limits;
use omadm::syncml::{decode, encode};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(message) = decode(bytes, Limits::MESSAGE) else { return };
    let known = message.body.iter().all(|element| !matches!(element, omadm::syncml::Element::Unknown { .. }));
    let written = encode(&message);
    match decode(written.as_bytes(), Limits::MESSAGE) {
        // Elements we do not know are not written.
        Ok(again) if known => assert!(*encode(&again) == *written, "reading and writing is not stable"),
        Ok(_) => {}
        // Escapes and element order can make it longer than the limit, nothing else may go wrong.
        Err(_) => assert!(written.len() > Limits::MESSAGE.bytes / 8, "what was written cannot be read"),
    }
});
