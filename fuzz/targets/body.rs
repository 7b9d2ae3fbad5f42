//! The JSON body of a create or a change, against every type of the model, and of every operation.
#![no_main]

use chaveiro_graph::MODEL;
use chaveiro_graph::body::{check, parameters, require};
use serde_json::Value;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(Value::Object(object)) = serde_json::from_slice(bytes) else { return };
    for entity in MODEL.types {
        if let Ok(checked) = check(object.clone(), entity) {
            let _ = require(&checked, entity);
        }
        for operation in entity.operations {
            let _ = parameters(object.clone(), operation);
        }
    }
});
