//! Fleetgate: a mutual-TLS edge gateway for IoT fleets.
//!
//! `docs/architecture.md` shows one packet's way through these modules. They are rooms with one-way doors: a test
//! (`tests/behaviour`) holds which may use which.

pub mod access;
pub mod alert;
pub mod api;
pub mod cli;
pub mod config;
pub mod connection;
pub mod control;
pub mod crl;
pub mod device;
pub mod doctor;
pub mod gateway;
pub mod handover;
pub mod http;
pub mod limit;
pub mod listen;
pub mod model;
pub mod origin;
pub mod pki;
pub mod relay;
pub mod resource;
pub mod snapshot;
pub mod state;
pub mod store;
pub mod stream;
pub mod telemetry;
pub mod tls;
pub mod web;
pub mod xdp;
