#![no_main]
//! `$filter`: any text is a filter or an error; a filter that is printed and read again is the same.

use chaveiro_core::query::{DeviceField, Filter};
use chaveiro_graph::model::{MODEL, Target};
use chaveiro_graph::query::{MAX_BYTES, parse_filter};
use chaveiro_graph::resolve::Version;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let entity = MODEL.entity_type(Target::Device).expect("in the model");
    let read = |text: &str| parse_filter::<DeviceField>(text, entity, Version::Beta);
    let Ok(filter) = read(text) else { return };
    let printed = filter.to_string();
    // An `in` is printed as comparisons, which can be too long to be read.
    if printed.len() <= MAX_BYTES {
        let again: Filter<DeviceField> = read(&printed).expect("what is printed can be read");
        assert_eq!(again, filter, "{printed}");
    }
});
