//! Passphrases of CA keys: from a file, the environment, or a person.

use std::env;
use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::Args;
use zeroize::Zeroizing;

use super::interrupt::Interrupt;
use crate::pki::Key;
use crate::pki::key::Passphrase;

/// Where the passphrase of a key comes from that is there already. Without it, a person at the terminal is asked.
#[derive(Debug, Args)]
pub(super) struct OldPassphrase {
    /// A file with the passphrase of the CA's key, or the PIN of its token.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// The environment variable with it.
    #[arg(long, value_name = "VARIABLE", conflicts_with = "passphrase_file")]
    passphrase_env: Option<String>,
}

/// Whether a new key gets a passphrase, and which.
#[derive(Debug, Args)]
pub(super) struct NewPassphrase {
    /// Encrypt the new key, and ask for its passphrase.
    #[arg(long, conflicts_with_all = ["encrypt_file", "encrypt_env"])]
    encrypt: bool,
    /// Encrypt the new key with the passphrase in a file.
    #[arg(long, value_name = "FILE", conflicts_with = "encrypt_env")]
    encrypt_file: Option<PathBuf>,
    /// Encrypt the new key with the passphrase in an environment variable.
    #[arg(long, value_name = "VARIABLE")]
    encrypt_env: Option<String>,
}

impl OldPassphrase {
    /// The passphrase for the key in the file at `path`, if it has one.
    pub(super) fn of(&self, path: &Path) -> Result<Option<Passphrase>, String> {
        if let Some(passphrase) = given(self.passphrase_file.as_deref(), self.passphrase_env.as_deref())? {
            return Ok(Some(passphrase));
        }
        // What cannot be read is told by whoever reads the key.
        let text = Zeroizing::new(fs::read(path).unwrap_or_default());
        let ask = Key::is_encrypted(&text) && io::stdin().is_terminal();
        ask.then(|| prompt(&format!("Passphrase of {}: ", path.display()))).transpose()
    }

    /// The PIN of a token.
    pub(super) fn of_token(&self) -> Result<Option<Passphrase>, String> {
        if let Some(pin) = given(self.passphrase_file.as_deref(), self.passphrase_env.as_deref())? {
            return Ok(Some(pin));
        }
        let pin = io::stdin().is_terminal().then(|| prompt("PIN of the token: ")).transpose()?;
        // A reader that has keys asks itself.
        Ok(pin.filter(|pin| !pin.is_empty()))
    }
}

impl NewPassphrase {
    /// The passphrase, if there is to be one.
    pub(super) fn choose(&self) -> Result<Option<Passphrase>, String> {
        choose(self.encrypt_file.as_deref(), self.encrypt_env.as_deref(), self.encrypt)
    }
}

/// A new passphrase: from a file or the environment, else from a person who is asked, if `ask`.
pub(super) fn choose(
    file: Option<&Path>,
    variable: Option<&str>,
    ask: bool,
) -> Result<Option<Passphrase>, String> {
    let passphrase = match given(file, variable)? {
        None if ask => {
            let passphrase = prompt("New passphrase: ")?;
            if passphrase != prompt("The same again: ")? {
                return Err("the two passphrases differ; nothing was made".to_owned());
            }
            Some(passphrase)
        }
        given => given,
    };
    match passphrase {
        Some(passphrase) if passphrase.is_empty() => Err("the passphrase is empty".to_owned()),
        passphrase => Ok(passphrase),
    }
}

fn given(file: Option<&Path>, variable: Option<&str>) -> Result<Option<Passphrase>, String> {
    if let Some(path) = file {
        let text = fs::read_to_string(path).map(Zeroizing::new);
        let text = text.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        return Ok(Some(Passphrase::new(&text)));
    }
    let Some(variable) = variable else { return Ok(None) };
    let text = env::var(variable).map(Zeroizing::new);
    let text = text.map_err(|_| format!("there is no environment variable {variable} with text in it"))?;
    Ok(Some(Passphrase::new(&text)))
}

fn prompt(text: &str) -> Result<Passphrase, String> {
    // The terminal does not echo meanwhile: whom Ctrl-C ended here, would leave it so.
    let interrupt = Interrupt::watch();
    let typed = rpassword::prompt_password(text).map(Zeroizing::new);
    if interrupt.came() {
        return Err("interrupted; nothing was made".to_owned());
    }
    let typed = typed.map_err(|error| format!("cannot ask for the passphrase: {error}"))?;
    Ok(Passphrase::new(&typed))
}
