//! The command lines, and all that is printed.

pub mod bench;
pub mod fleetsim;
mod origin;
mod print;
mod runtime;
