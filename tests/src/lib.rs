//! What the tests lean on: a real gateway process, real PKI, namespaces, raw sockets, and packets as values.
//!
//! A helper that cannot do its work panics: a test that goes on without it would say nothing.
#![expect(clippy::missing_panics_doc, reason = "every helper panics when it cannot do its work")]
#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

pub mod bpffs;
pub mod client;
pub mod crl_server;
pub mod field;
pub mod gateway;
pub mod message;
pub mod metrics;
pub mod namespace;
pub mod nginx;
pub mod origin;
pub mod pki;
pub mod python;
pub mod site;
pub mod skip;
pub mod wait;
pub mod xdp;
