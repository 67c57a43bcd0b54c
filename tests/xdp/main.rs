//! The XDP program in the kernel. As root; elsewhere these tests are skipped, by name.

#![expect(clippy::indexing_slicing, reason = "test code")]

mod cookies;
mod differential;
mod fixtures;
mod program;
mod steering;
