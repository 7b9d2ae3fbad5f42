#![no_main]
//! `If-Match`: any header lines are a condition; the tags of one, written again, are the same condition.

use chaveiro_graph::entity_tag::IfMatch;
use http::{HeaderMap, HeaderValue, header};
use libfuzzer_sys::fuzz_target;

fn read(lines: &[&[u8]]) -> Option<IfMatch> {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(header::IF_MATCH, HeaderValue::from_bytes(line).ok()?);
    }
    IfMatch::read(&headers)
}

fuzz_target!(|bytes: &[u8]| {
    let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
    let Some(IfMatch::OneOf(tags)) = read(&lines) else { return };
    for tag in &tags {
        let inner = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).expect("a tag has quotes");
        assert!(inner.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"'), "{tag}");
    }
    if !tags.is_empty() {
        let weak: Vec<_> = tags.iter().map(|tag| format!("W/{tag}")).collect();
        assert_eq!(read(&[weak.join(" ,,").as_bytes()]), Some(IfMatch::OneOf(tags)));
    }
});
