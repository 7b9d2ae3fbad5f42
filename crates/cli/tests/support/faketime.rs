//! libfaketime, by which the programs of a test see another time.

use std::path::Path;

/// The places where distributions install it.
const LIBRARIES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

/// The library, for `LD_PRELOAD`; `None` where it is not installed.
///
/// The program faketime(1) fails where a semaphore is left that is named by its process id. Tests kill, and leave some.
pub fn library() -> Option<&'static str> {
    LIBRARIES.into_iter().find(|library| Path::new(library).exists())
}
