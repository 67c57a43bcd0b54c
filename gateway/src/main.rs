//! The `fleetgate` binary.

use std::process::ExitCode;

/// Allocation is most of what a handshake does besides cryptography.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    fleetgate::cli::main()
}
