//! Pingora with `BoringSSL`: one thread, connections to the origin kept, nothing logged. The program is `bench/pingora`.

use std::io;
use std::process::Command;

use super::{Site, Tickets, program};

pub(super) fn command(site: &Site<'_>, tickets: Tickets) -> io::Result<Command> {
    let mut command = program("pingora")?;
    command.arg("--listen").arg(site.listen.to_string()).arg("--origin").arg(site.origin.to_string());
    command.arg("--certificate").arg(site.certificate).arg("--key").arg(site.key);
    command.arg("--roots").arg(site.all_roots);
    if tickets == Tickets::Default {
        command.arg("--tickets");
    }
    Ok(command)
}
