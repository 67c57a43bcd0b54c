//! The `fleetgate-bench` binary.

use std::process::ExitCode;

/// The floor is to have what the gateway has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    fleetgate_bench::cli::bench::main()
}
