#![no_main]
//! `$filter`: any text is a filter or an error; a filter that is printed and read again is the same. Devices, and audit
//! events, where structures have members.

use std::fmt::{Debug, Display};

use chaveiro_core::query::{AuditField, DeviceField, Filter};
use chaveiro_graph::kinds::{AUDIT_EVENT, MANAGED_DEVICE};
use chaveiro_graph::model::EntityType;
use chaveiro_graph::query::{Fields, MAX_BYTES, parse_filter};
use chaveiro_graph::resolve::Version;
use libfuzzer_sys::fuzz_target;

fn check<F: Fields + Debug + Display + PartialEq>(text: &str, entity: &'static EntityType) {
    let read = |text: &str| parse_filter::<F>(text, entity, Version::Beta);
    let Ok(filter) = read(text) else { return };
    let printed = filter.to_string();
    // An `in` is printed as comparisons, which can be too long to be read.
    if printed.len() <= MAX_BYTES {
        let again: Filter<F> = read(&printed).expect("what is printed can be read");
        assert_eq!(again, filter, "{printed}");
    }
}

fuzz_target!(|text: &str| {
    check::<DeviceField>(text, &MANAGED_DEVICE);
    check::<AuditField>(text, &AUDIT_EVENT);
});
