//! What the tests lean on: a real gateway process, real PKI, namespaces, raw sockets, and packets as values.
//!
//! A helper that cannot do its work panics: a test that goes on without it would say nothing.
#![expect(clippy::missing_panics_doc, reason = "every helper panics when it cannot do its work")]
#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

pub mod bpffs;
pub mod browser;
pub mod byte_origin;
pub mod client;
pub mod crl_server;
pub mod crowd;
pub mod field;
pub mod gateway;
pub mod load;
pub mod message;
pub mod metrics;
pub mod mosquitto;
pub mod namespace;
pub mod nginx;
pub mod node;
pub mod origin;
pub mod pki;
pub mod python;
pub mod raw_site;
pub mod sdk;
pub mod site;
pub mod skip;
pub mod stream_site;
pub mod wait;
pub mod web_server;
pub mod webhook;
pub mod websocket;
pub mod workbench;
pub mod xdp;
