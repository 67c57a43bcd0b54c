//! Caddy: as many threads as it has CPUs, which is one; nothing logged; else as installed.

use std::io;
use std::process::Command;

use serde_json::json;

use super::{Site, Tickets, program};

pub(super) fn command(site: &Site<'_>, tickets: Tickets) -> io::Result<Command> {
    let path = site.folder.join("caddy.json");
    let server = json!({
        "listen": [site.listen.to_string()],
        "protocols": ["h1"],
        "automatic_https": { "disable": true },
        "tls_connection_policies": [{
            "protocol_min": "tls1.3",
            "curves": ["x25519"],
            "client_authentication": {
                "mode": "require_and_verify",
                "trusted_ca_certs_pem_files": site.roots,
            },
        }],
        "routes": [{
            "handle": [{ "handler": "reverse_proxy", "upstreams": [{ "dial": site.origin.to_string() }] }],
        }],
    });
    let config = json!({
        "admin": { "disabled": true, "config": { "persist": false } },
        "logging": { "logs": { "default": { "level": "ERROR" } } },
        "apps": {
            "http": { "servers": { "bench": server } },
            "tls": {
                "certificates": { "load_files": [{ "certificate": site.certificate, "key": site.key }] },
                "session_tickets": { "disabled": tickets == Tickets::Off },
            },
        },
    });
    std::fs::write(&path, config.to_string())?;
    let mut command = program("caddy")?;
    command.arg("run").arg("--config").arg(path);
    for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
        command.env(variable, site.folder);
    }
    Ok(command)
}
