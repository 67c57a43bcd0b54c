//! The XDP program. `cargo xtask build-ebpf` builds it for the kernel; on the host this is an empty shell.

#![cfg_attr(target_arch = "bpf", no_std, no_main, feature(core_intrinsics))]
#![cfg_attr(
    target_arch = "bpf",
    expect(
        internal_features,
        reason = "AtomicU64 has no compare-exchange on this target; the intrinsic has"
    )
)]

#[cfg(target_arch = "bpf")]
mod program;

#[cfg(not(target_arch = "bpf"))]
fn main() {}
