//! The floor: this binary, in another process.

use std::process::Command;

use super::Site;

pub(super) fn command(site: &Site<'_>) -> Command {
    let mut command = Command::new(site.own);
    command.arg("floor").arg("--listen").arg(site.listen.to_string());
    command.arg("--certificate").arg(site.certificate).arg("--key").arg(site.key);
    command
}
