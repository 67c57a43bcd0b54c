//! `HAProxy`: one thread, connections to the origin kept, nothing logged; else as installed.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::Command;

use super::{Site, Tickets, program};

/// What it passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Requests.
    Http,
    /// Bytes.
    Tcp,
}

pub(super) fn command(site: &Site<'_>, tickets: Tickets, mode: Mode) -> io::Result<Command> {
    // It wants certificate and key in one file.
    let identity = site.folder.join("identity.pem");
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&identity)?;
    file.write_all(&[std::fs::read(site.certificate)?, std::fs::read(site.key)?].concat())?;
    let path = site.folder.join("haproxy.cfg");
    let (cache, no_tickets) = match tickets {
        Tickets::Off => ("tune.ssl.cachesize 0", "no-tls-tickets"),
        Tickets::Default => ("", ""),
    };
    let mode = match mode {
        Mode::Http => "mode http\n    http-reuse always\n    option forwardfor",
        Mode::Tcp => "mode tcp",
    };
    let (identity, roots) = (identity.display(), site.all_roots.display());
    let (listen, origin) = (site.listen, site.origin);
    let config = format!(
        "
global
    nbthread 1
    maxconn 4096
    {cache}
defaults
    {mode}
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend devices
    bind {listen} backlog 4096 ssl crt {identity} ca-file {roots} verify required ssl-min-ver TLSv1.3 curves X25519 {no_tickets}
    default_backend origin
backend origin
    server origin {origin}
"
    );
    std::fs::write(&path, config)?;
    let mut command = program("haproxy")?;
    command.arg("-db").arg("-f").arg(path);
    Ok(command)
}
