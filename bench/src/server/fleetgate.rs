//! Fleetgate: one worker, no limits unless it is guarded, nothing logged.

use std::fmt::Write as _;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::process::Command;

use super::{HOST, Site, free_address};
use crate::pki;

/// Whoever has a certificate is permitted.
const APPLICATION: &str = r#"[[application]]
domain = "HOST"
[[application.policy]]
name = "devices"
decision = "non_identity"
include = [{ certificate = {} }]
"#;

/// How much may be stored.
const LIMITS: &str = "max_body = 16777216\n[admin.limit]\ncertificates = 2000\n";

/// What is unusual about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// Nothing: devices, and a policy that permits them.
    Usual,
    /// A verdict cache of one entry.
    Cold,
    /// A CRL beside each root.
    Crl,
    /// Limits, and XDP on these interfaces.
    Guarded(&'static [&'static str]),
    /// No device is asked for a certificate, and there is no policy.
    Open,
    /// Bytes are passed on, whatever they mean.
    Stream,
    /// Resources can be stored, more than usual. Two workers, because each has to follow a change.
    Stored,
}

pub(super) fn command(site: &Site<'_>, variant: Variant) -> io::Result<Command> {
    if variant == Variant::Stored {
        DirBuilder::new().mode(0o700).create(state(site))?;
    }
    let path = site.folder.join("fleetgate.toml");
    std::fs::write(&path, config(site, variant)?)?;
    let mut command = Command::new(site.gateway);
    command.arg("run").arg("--config").arg(path);
    Ok(command)
}

/// Whether a gateway has hosts that pass on bytes: it says what it thinks of such a configuration.
///
/// # Errors
/// When its files cannot be written, or it cannot be asked.
pub fn knows_streams(site: &Site<'_>) -> io::Result<bool> {
    let path = site.folder.join("asked.toml");
    std::fs::write(&path, config(site, Variant::Stream)?)?;
    let asked = Command::new(site.gateway).arg("check").arg("--config").arg(path).output()?;
    Ok(asked.status.success())
}

fn config(site: &Site<'_>, variant: Variant) -> io::Result<String> {
    let metrics = free_address()?;
    let socket = site.folder.join("admin.sock");
    let (certificate, key) = (site.certificate.display(), site.key.display());
    let (listen, origin, socket) = (site.listen, site.origin, socket.display());
    let verdict_cache = if variant == Variant::Cold { 1 } else { 100_000 };
    let (protocol, scheme) = if variant == Variant::Stream { ("tls", "tcp") } else { ("https", "http") };
    let client_auth = match variant {
        Variant::Open => "none",
        Variant::Guarded(_) => "require",
        Variant::Usual | Variant::Cold | Variant::Crl | Variant::Stream | Variant::Stored => "access",
    };
    let xdp = xdp(variant);
    let (workers, state_dir, limits) = match variant {
        Variant::Stored => (2, format!("state_dir = \"{}\"\n", state(site).display()), LIMITS),
        _ => (1, String::new(), ""),
    };
    let mut config = format!(
        r#"
[server]
workers = {workers}
{state_dir}verdict_cache = {verdict_cache}
[[listener]]
address = "{listen}"
[[host]]
name = "{HOST}"
certificate = "{certificate}"
key = "{key}"
protocol = "{protocol}"
client_auth = "{client_auth}"
origin = "{scheme}://{origin}"
[xdp]
{xdp}
[admin]
socket = "{socket}"
{limits}[metrics]
listen = "{metrics}"
[forwarding]
rfc9440 = false
[log]
access = "off"
audit = "off"
"#
    );
    if variant == Variant::Open {
        return Ok(config);
    }
    config.push_str(&APPLICATION.replace("HOST", HOST));
    for (number, root) in site.roots.iter().enumerate() {
        let crl = pki::crl_file(root);
        let root = root.display();
        // Writing to a string cannot fail.
        let _ = write!(
            config,
            "[[mtls_certificate]]\nname = \"root {number}\"\ncertificate = \"{root}\"\nassociated_hostnames = [\"{HOST}\"]\n"
        );
        if variant == Variant::Crl {
            let _ = writeln!(config, "crl = [\"{}\"]", crl.display());
        }
    }
    Ok(config)
}

/// Where resources are stored.
fn state(site: &Site<'_>) -> PathBuf {
    site.folder.join("state")
}

/// What is in `[xdp]`, and behind it.
fn xdp(variant: Variant) -> String {
    match variant {
        Variant::Guarded([]) => "mode = \"off\"".to_owned(),
        Variant::Guarded(interfaces) => {
            format!("mode = \"native\"\nrequired = true\nunknown_sni = \"drop\"\ninterfaces = {interfaces:?}")
        }
        _ => "mode = \"off\"\n[xdp.limit]\nsyn_per_source = \"off\"\nhello_per_source = \"off\"\nhello_per_host = \"off\""
            .to_owned(),
    }
}
