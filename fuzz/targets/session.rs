//! A device's messages of one session, one after the other: the values that come in chunks.
#![no_main]

use omadm::Limits;
use omadm::session::large::assemble;
use omadm::syncml::decode;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut unfinished = None;
    // Messages are separated by a byte that XML cannot have.
    for part in bytes.split(|byte| *byte == 0) {
        let Ok(mut message) = decode(part, Limits::MESSAGE) else { return };
        let assembled = assemble(unfinished.take(), &mut message);
        for item in message.results().flat_map(|results| &results.items) {
            let length = item.data.as_ref().map_or(0, |data| data.len() as u64);
            assert!(!item.more_data, "a part of a value is no value");
            assert!(item.size.is_none_or(|size| size == length), "a value has the size that was said");
        }
        assert!(assembled.unfinished.is_none() || !message.is_final, "what ends with a package is not waited for");
        unfinished = assembled.unfinished;
    }
});
