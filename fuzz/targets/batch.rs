//! The body of a `$batch`: what is accepted has unique ids, and depends on earlier requests alone.
#![no_main]

use chaveiro_graph::batch::read;
use chaveiro_graph::json;
use serde_json::Value;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(Value::Object(object)) = json::read(bytes) {
        let _ = read(object);
    }
});
