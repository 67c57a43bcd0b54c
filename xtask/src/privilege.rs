//! Rights: root as we are, or sudo for just the steps that need it.

use std::io::IsTerminal as _;
use std::process::{Command, Stdio};

use crate::process::{self, Result};

/// How a step that needs root gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Privilege {
    /// We are root.
    Root,
    /// Through sudo, which may ask for a password.
    Sudo,
    /// Not at all.
    None,
}

impl Privilege {
    /// What there is. sudo counts when it needs no password, or when somebody is there to type one.
    pub(crate) fn detect() -> Self {
        if nix::unistd::geteuid().is_root() {
            return Self::Root;
        }
        let silent = || {
            let mut sudo = Command::new("sudo");
            sudo.args(["-n", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
            sudo.status().is_ok_and(|status| status.success())
        };
        if process::exists("sudo") && (std::io::stdin().is_terminal() || silent()) {
            Self::Sudo
        } else {
            Self::None
        }
    }

    /// A command that runs as root.
    pub(crate) fn command<'a>(self, words: impl IntoIterator<Item = &'a str>) -> Command {
        match self {
            Self::Root | Self::None => process::command(words),
            Self::Sudo => process::command(["sudo"].into_iter().chain(words)),
        }
    }

    /// Runs a command as root and shows nothing of it unless it fails.
    pub(crate) fn run<'a>(self, words: impl IntoIterator<Item = &'a str>) -> Result {
        process::capture(&mut self.command(words)).map(drop)
    }

    /// Whether anything can run as root.
    pub(crate) fn is_some(self) -> bool {
        self != Self::None
    }
}
