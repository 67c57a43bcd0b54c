//! The XDP program without an interface: frames in, verdicts and frames out, through `BPF_PROG_TEST_RUN`.

pub mod filter;
pub mod fixtures;
pub mod flood;
pub mod hello;
pub mod kernel;
pub mod packet;
pub mod path;
pub mod steering;
