//! `fleetgate cache`

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;
use http::{Method, StatusCode};
use serde_json::Value;

use super::{client, print};
use crate::device::identity::Fingerprint;

/// What can be done with the verdict cache of a running gateway.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Entries, hits, misses, evictions.
    #[command(after_help = "Example:\n  fleetgate cache stats --json")]
    Stats,
    /// Forget every device: each is verified again with its next handshake.
    #[command(after_help = "Example:\n  fleetgate cache flush")]
    Flush,
    /// Forget one device.
    #[command(
        after_help = "Example:\n  fleetgate cache evict $(openssl x509 -in device.pem -noout -fingerprint -sha256)"
    )]
    Evict {
        /// SHA-256 of its certificate.
        fingerprint: Fingerprint,
    },
}

/// Asks the running gateway.
pub(super) fn cache(socket: &Path, verb: &Verb, json: bool) -> Result<ExitCode, String> {
    const PATH: &str = "/fleetgate/v1/cache";
    let (status, body) = match verb {
        Verb::Stats => client::call(socket, Method::GET, PATH),
        Verb::Flush => client::call(socket, Method::DELETE, PATH),
        Verb::Evict { fingerprint } => {
            client::call(socket, Method::DELETE, &format!("{PATH}/{}", fingerprint.hex()))
        }
    }?;
    let text = String::from_utf8_lossy(&body);
    if status != StatusCode::OK {
        return Err(text.into_owned());
    }
    if json {
        print(&text);
    } else {
        let reply: Value =
            serde_json::from_str(&text).map_err(|error| format!("the gateway answered oddly: {error}"))?;
        let fields = reply.as_object().into_iter().flatten();
        fields.for_each(|(name, value)| print(&format!("{name:<10}{value}")));
    }
    Ok(ExitCode::SUCCESS)
}
