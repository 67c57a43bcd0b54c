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
mod bodiless;
mod body_bounds;
mod ca_expires;
mod cache_verbs;
mod connection_limit;
mod crl_inspect;
mod crl_pushed;
mod crl_rollback;
mod crl_url;
mod denial;
mod denied_device;
mod device_limit_bytes;
mod device_limit_connections;
mod device_limit_requests;
mod document_pki;
mod drain;
mod expect_continue;
mod forged_headers;
mod grpc;
mod h2load;
mod http2;
mod http2_attacks;
mod http2_downgrade;
mod http_upgrade;
mod identity_headers;
mod incidents;
mod killed;
mod log_hygiene;
mod metric_labels;
mod misdirected;
mod mqtt_guard;
mod no_certificate;
mod no_resumption;
mod origin;
mod origin_kinds;
mod origin_many;
mod parked;
mod passthrough;
mod policy_paths;
mod policy_preflight;
mod policy_service_token;
mod policy_test;
mod proxied;
mod refused_certificate;
mod reload_bad_input;
mod reload_listeners;
mod reload_open_connections;
mod reload_under_load;
mod require_host;
mod revocation;
mod rooms;
mod session;
mod slow_client;
mod socket_store;
mod split_hello;
mod stolen_certificate;
mod stream;
mod stream_proxy_header;
mod tls_settings;
mod token_library;
mod token_verbs;
mod unknown_name;
mod unread_response;
mod upgrade;
mod verdict_cache;
mod verified_device;
mod websocket;
mod xdp_attached;
mod xdp_bans;
mod xdp_degraded;
mod xdp_late;
mod xdp_limits;
mod xdp_missing_interface;
mod xdp_pins;
mod xdp_restart;
mod xdp_serve;
mod xdp_steering;
mod xdp_taken;
mod xdp_unknown_name;
