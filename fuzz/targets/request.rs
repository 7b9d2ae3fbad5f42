//! The path and the query of a Graph request.
#![no_main]

use chaveiro_graph::MODEL;
use chaveiro_graph::query::Query;
use chaveiro_graph::resolve::PathError;

libfuzzer_sys::fuzz_target!(|target: &str| {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let _ = Query::parse(query);
    let Ok(walk) = MODEL.parse(path) else { return };
    // Case and spelling are the caller's; the canonical form leads to the same place.
    let canonical = walk.canonical();
    match MODEL.parse_relative(walk.version, &canonical) {
        Ok(again) => assert_eq!(again.canonical(), canonical),
        // Percent-encoding can make it longer than a path may be.
        Err(error) => assert_eq!(error, PathError::TooLong),
    }
});
