//! The command line, as anybody would use it.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{Gateway, binary};

/// What a command line verb did.
#[derive(Debug)]
pub struct Said {
    /// Its exit status.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Gateway {
    /// `fleetgate VERB --config … ARGUMENTS`, as anybody would run it.
    pub fn cli(&self, verb: &str, arguments: &[&str]) -> Said {
        let mut command = verb_command(verb, &self.config(), arguments);
        // Interfaces are looked for where the gateway is.
        self.setup.namespace.iter().for_each(|namespace| namespace.adopt(&mut command));
        Said::of(command)
    }

    /// `fleetgate reload`
    pub fn reload(&self) -> Said {
        self.cli("reload", &[])
    }

    /// Reloads, and expects it to work.
    pub fn must_reload(&self) {
        let said = self.reload();
        assert_eq!(said.code, 0, "{said:?}");
    }

    /// `fleetgate status --json`
    pub fn status(&self) -> Value {
        let said = self.cli("status", &["--json"]);
        assert_eq!(said.code, 0, "{said:?}");
        serde_json::from_str(&said.stdout).expect("JSON")
    }

    /// `fleetgate check`
    pub fn check(&self) -> Said {
        self.cli("check", &[])
    }
}

/// `fleetgate VERB --config FILE …` without a running gateway.
pub fn cli(verb: &str, config: &Path, arguments: &[&str]) -> Said {
    Said::of(verb_command(verb, config, arguments))
}

/// It ends, whatever it does: a `run` that should have refused must not hang the test.
fn verb_command(verb: &str, config: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", "30"]).arg(binary()).arg(verb).arg("--config").arg(config).args(arguments);
    command
}

impl Said {
    /// What a command did.
    pub(crate) fn of(mut command: Command) -> Self {
        let output = command.output().expect("run fleetgate");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}
