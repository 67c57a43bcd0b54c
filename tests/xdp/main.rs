//! The XDP program in the kernel. As root; elsewhere these tests are skipped, by name.

mod differential;
mod fixtures;
mod program;
