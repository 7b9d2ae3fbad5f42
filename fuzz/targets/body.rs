//! The JSON body of a create or a change, against every type of the model.
#![no_main]

use chaveiro_graph::body::{check, require};
use chaveiro_graph::model::MODEL;
use serde_json::Value;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(Value::Object(object)) = serde_json::from_slice(bytes) else { return };
    for entity in MODEL.types {
        if let Ok(checked) = check(object.clone(), entity) {
            let _ = require(&checked, entity);
        }
    }
});
