//! One guarantee a file, against the real binary.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod admin_socket;
mod bad_config;
mod cache_verbs;
mod connection_limit;
mod crl_inspect;
mod crl_url;
mod denied_device;
mod drain;
mod forged_headers;
mod killed;
mod log_hygiene;
mod metric_labels;
mod misdirected;
mod mqtt_guard;
mod no_certificate;
mod no_resumption;
mod origin;
mod passthrough;
mod proxied;
mod refused_certificate;
mod reload_bad_input;
mod reload_open_connections;
mod require_host;
mod revocation;
mod rooms;
mod slow_client;
mod split_hello;
mod stolen_certificate;
mod stream;
mod stream_proxy_header;
mod unknown_name;
mod verdict_cache;
mod verified_device;
mod xdp_attached;
mod xdp_degraded;
mod xdp_late;
mod xdp_limits;
mod xdp_missing_interface;
mod xdp_restart;
mod xdp_taken;
mod xdp_unknown_name;
