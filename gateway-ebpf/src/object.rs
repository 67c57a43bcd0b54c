//! The committed object: built by `cargo xtask build-ebpf`, so that nobody else needs a BPF toolchain.

/// ELF parsers want more alignment than `include_bytes!` promises.
#[repr(C, align(32))]
struct Aligned<T: ?Sized>(T);

static ALIGNED: &Aligned<[u8]> = &Aligned(*include_bytes!("../object/fleetgate-xdp.o"));

/// The XDP program as an ELF object with BTF. `object/record.toml` says what it was built from.
pub static OBJECT: &[u8] = &ALIGNED.0;
