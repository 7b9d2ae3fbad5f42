//! The path and the query of a Graph request: any text is a walk with options, or an error that says so.
#![no_main]

use chaveiro_core::query::DeviceField;
use chaveiro_graph::MODEL;
use chaveiro_graph::query::{OF_LIST, Query, Taken};
use chaveiro_graph::resolve::{PathError, Walk, without_empty_segments};

/// Every option, each read as far as it goes.
fn options(text: &str, walk: &Walk) {
    let taken = Taken { options: OF_LIST, place: "GET /".to_owned() };
    let Ok(query) = Query::parse(Some(text), &taken) else { return };
    let entity = walk.target();
    if let Ok(selection) = query.selection(entity, walk.version) {
        let _ = selection.context();
    }
    let _ = query.expands(walk);
    // The fields of devices stand for those of every list.
    let _ = query.listing::<DeviceField>(entity, walk);
}

libfuzzer_sys::fuzz_target!(|target: &str| {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let parsed = MODEL.parse(path);
    // Empty segments mean nothing, except to the length of a path.
    let tidy = MODEL.parse(&without_empty_segments(path));
    if path.starts_with('/') && !matches!(parsed, Err(PathError::TooLong)) {
        let canonical = |walk: &Result<Walk, PathError>| walk.as_ref().map(Walk::canonical).map_err(Clone::clone);
        assert_eq!(canonical(&parsed), canonical(&tidy));
    }
    let Ok(walk) = parsed else { return };
    // Case and spelling are the caller's; the canonical form leads to the same place.
    let canonical = walk.canonical();
    match MODEL.parse_relative(walk.version, &canonical) {
        Ok(again) => assert_eq!(again.canonical(), canonical),
        // Percent-encoding can make it longer than a path may be.
        Err(error) => assert_eq!(error, PathError::TooLong),
    }
    if let Some(query) = query {
        options(query, &walk);
    }
});
