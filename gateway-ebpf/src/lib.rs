//! What the XDP program and userspace share: the parser, the bucket arithmetic, the name hash, the verdicts
//! and the layout of the maps.
//!
//! Everything here is pure and compiles for the host too, where it has ordinary tests. The program itself
//! is in `main.rs` and the modules below it; the built object is [`OBJECT`].

#![no_std]
#![expect(
    clippy::inline_always,
    reason = "the program is one function to the verifier: a call would cost it what it knows"
)]
#![expect(clippy::cast_possible_truncation, reason = "what is cut off has been folded or masked before")]
#![expect(
    clippy::indexing_slicing,
    reason = "indices are masked or constant, and the verifier proves each of them"
)]

pub mod abi;
pub mod frame;
pub mod gcra;
pub mod hello;
pub mod name;
pub mod reply;
pub mod reset;
pub mod siphash;
pub mod verdict;

#[cfg(not(target_arch = "bpf"))]
mod object;
#[cfg(not(target_arch = "bpf"))]
pub use object::OBJECT;
