//! A device's messages of one session, one after the other, with values that come in chunks.
#![no_main]

use omadm::session::server::{Entered, Evidence, Moment, Session, Step};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut session = Session::new([0; 16]);
    // Messages are separated by a byte that XML cannot have.
    for part in bytes.split(|byte| *byte == 0) {
        let Step::Proven(proven) = session.expecting(Evidence::Certificate).receive(part) else { return };
        let Entered::Turn(turn) = proven.enter(Moment::new("s", [1; 16], 0, 124)) else { return };
        for item in turn.message().results().flat_map(|results| &results.items) {
            let length = item.data.as_ref().map_or(0, |data| data.len() as u64);
            assert!(!item.more_data, "a part of a value is no value");
            assert!(item.size.is_none_or(|size| size == length), "a value has the size that was said");
        }
        assert!(turn.is_complete() || !turn.message().is_final, "a value that ends with a package is not waited for");
        let stored = turn.answer().session.store(|text| Some(text.to_owned())).expect("a session can be stored");
        session = Session::open(&stored, |text| Some(text.into())).expect("a stored session is read");
    }
});
