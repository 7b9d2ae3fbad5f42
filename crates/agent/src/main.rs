//! `chaveiro-agent`: see the library of the same name.

use std::alloc::System;

use zeroizing_alloc::ZeroAlloc;

/// Wipes each block that is freed: libraries keep copies of passcodes and tokens in buffers that they do not wipe.
#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> std::process::ExitCode {
    chaveiro_agent::main()
}
