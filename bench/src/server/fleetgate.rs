//! Fleetgate: one worker, no limits, nothing logged.

use std::fmt::Write as _;
use std::io;
use std::process::Command;

use super::{HOST, Site, free_address};
use crate::pki;

pub(super) fn command(site: &Site<'_>, verdict_cache: u32, with_crls: bool) -> io::Result<Command> {
    let path = site.folder.join("fleetgate.toml");
    let metrics = free_address()?;
    let socket = site.folder.join("admin.sock");
    let (certificate, key) = (site.certificate.display(), site.key.display());
    let (listen, origin, socket) = (site.listen, site.origin, socket.display());
    let mut config = format!(
        r#"
[server]
workers = 1
verdict_cache = {verdict_cache}
[[listener]]
address = "{listen}"
[[host]]
name = "{HOST}"
certificate = "{certificate}"
key = "{key}"
origin = "http://{origin}"
[[application]]
domain = "{HOST}"
[[application.policy]]
name = "devices"
decision = "non_identity"
include = [{{ certificate = {{}} }}]
[xdp]
mode = "off"
[xdp.limit]
syn_per_source = "off"
hello_per_source = "off"
hello_per_host = "off"
[admin]
socket = "{socket}"
[metrics]
listen = "{metrics}"
[forwarding]
rfc9440 = false
[log]
access = "off"
audit = "off"
"#
    );
    for (number, root) in site.roots.iter().enumerate() {
        let crl = pki::crl_file(root);
        let root = root.display();
        // Writing to a string cannot fail.
        let _ = write!(
            config,
            "[[mtls_certificate]]\nname = \"root {number}\"\ncertificate = \"{root}\"\nassociated_hostnames = [\"{HOST}\"]\n"
        );
        if with_crls {
            let _ = writeln!(config, "crl = [\"{}\"]", crl.display());
        }
    }
    std::fs::write(&path, config)?;
    let mut command = Command::new(site.gateway);
    command.arg("run").arg("--config").arg(path);
    Ok(command)
}
