//! Resources and their validation: what an operator declares, parsed once into types that cannot be wrong.

pub mod ca;
pub mod forwarding;
pub mod hostname;
pub mod issuer;
pub mod origin;
pub mod policy;
