//! The JSON body of a create or a change, against every type of the model, and of every operation. JSON is read the same by the
//! relaxed reader, unless a member comes twice or it is too deep.
#![no_main]

use chaveiro_graph::MODEL;
use chaveiro_graph::body::{check, parameters, require};
use chaveiro_graph::json::read;
use serde_json::Value;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let read = read(bytes);
    if let (Ok(strict), Ok(read)) = (serde_json::from_slice::<Value>(bytes), &read) {
        assert_eq!(strict, *read);
    }
    let Ok(Value::Object(object)) = read else { return };
    for entity in MODEL.types {
        if let Ok(checked) = check(object.clone(), entity) {
            let _ = require(&checked, entity);
        }
        for operation in entity.operations {
            let _ = parameters(object.clone(), operation);
        }
    }
});
