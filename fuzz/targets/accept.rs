//! Headers that choose a format: a choice or a refusal; what the answer then says of itself is a choice of the same form.
#![no_main]

use chaveiro_graph::negotiation::{Offer, Wanted};
use http::{HeaderMap, HeaderName, HeaderValue, header};

const NAMES: [HeaderName; 4] = [
    header::ACCEPT,
    HeaderName::from_static("prefer"),
    HeaderName::from_static("odata-maxversion"),
    HeaderName::from_static("odata-version"),
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // Lines are headers, in turn; the last is `$format`.
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let format = lines.next_back().and_then(|line| std::str::from_utf8(line).ok()).filter(|text| !text.is_empty());
    let mut headers = HeaderMap::new();
    for (name, line) in NAMES.iter().cycle().zip(lines) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(name, value);
        }
    }
    for offer in [None, Some(Offer::Json), Some(Offer::Xml), Some(Offer::Text), Some(Offer::Binary)] {
        let Ok(wanted) = Wanted::read(&headers, format, offer) else { continue };
        assert!(wanted.page.is_none_or(|page| page.size > 0));
        let again = HeaderMap::from_iter([(header::ACCEPT, wanted.format.content_type())]);
        let again = Wanted::read(&again, None, Some(Offer::Json)).expect("a type that is answered can be asked for");
        assert_eq!(again.format, wanted.format);
    }
});
