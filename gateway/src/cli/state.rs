//! `fleetgate state`

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use age::scrypt;
use age::secrecy::SecretString;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::Value;

use super::{ConfigFile, client, print, print_error};
use crate::config::Config;
use crate::control::{Export, Redb, Stored};
use crate::crl::Carried;

const STATE: &str = "/fleetgate/v1/state";

/// What an encrypted export begins with.
const ENCRYPTED: &[u8] = b"age-encryption.org/";

/// The arguments of `fleetgate state`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  fleetgate state export --output state.json\n  fleetgate state export --with-secrets --passphrase-file phrase --output state.age\n  fleetgate state import state.age --passphrase-file phrase"
)]
pub(super) struct State {
    #[command(flatten)]
    config: ConfigFile,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print everything that is stored as JSON: certificates, applications, policies and what belongs to them, denials and
    /// CRLs that were pushed. From the running gateway, or from `server.state_dir` where none runs.
    #[command(after_help = "Example:\n  fleetgate state export --output state.json")]
    Export {
        /// With the secrets of webhooks and the hashes of tokens. Without them, tokens cannot be imported elsewhere.
        #[arg(long)]
        with_secrets: bool,
        /// Encrypt it with the passphrase on the first line of this file (age, scrypt).
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        /// Write it to this new file, for its owner alone, instead of printing it.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Have the running gateway put an export in the place of everything that is stored. It is checked like any change: all of
    /// it, or nothing. Denials and pushed CRLs come to those that are there.
    #[command(after_help = "Example:\n  fleetgate state import state.json")]
    Import {
        /// The export; - is standard input.
        file: PathBuf,
        /// The passphrase that it was encrypted with is on the first line of this file.
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        /// Print the gateway's answer as JSON.
        #[arg(long)]
        json: bool,
    },
}

impl State {
    pub(super) fn run(&self) -> Result<ExitCode, String> {
        match &self.verb {
            Verb::Export { with_secrets, passphrase_file, output } => {
                let export = self.export(*with_secrets)?;
                let bytes = match passphrase_file {
                    Some(file) => encrypt(&export, &passphrase(file)?)?,
                    None => export,
                };
                write(output.as_deref(), &bytes)
            }
            Verb::Import { file, passphrase_file, json } => {
                let export = read(file)?;
                let export = match passphrase_file {
                    Some(file) => decrypt(&export, &passphrase(file)?)?,
                    None if export.starts_with(ENCRYPTED) => {
                        return Err("it is encrypted: give --passphrase-file".to_owned());
                    }
                    None => export,
                };
                self.import(export, *json)
            }
        }
    }

    fn export(&self, secrets: bool) -> Result<Vec<u8>, String> {
        let asked = self.config.admin_socket().and_then(|socket| {
            client::ask(&socket, Method::GET, &format!("{STATE}?secrets={secrets}"), None)
        });
        let mut text = match asked {
            Ok(answer) => answer.text,
            Err(unreachable) => {
                let at_rest = self.at_rest().map_err(|error| format!("{unreachable}\n{error}"))?;
                let export = Export::of(&at_rest.0, at_rest.1, secrets);
                serde_json::to_string(&export).map_err(|error| error.to_string())?
            }
        };
        text.push('\n');
        Ok(text.into_bytes())
    }

    /// What is stored and kept where no gateway runs.
    fn at_rest(&self) -> Result<(Stored, Carried), String> {
        let (config, source) = Config::load(&self.config.path).map_err(|problems| problems.to_string())?;
        let folder = config.server.state_dir(&source).ok_or("server.state_dir is not set")?;
        let store = Redb::open_to_read(&folder).map_err(|error| error.to_string())?;
        let (stored, _) = Stored::load(&store).map_err(|error| error.to_string())?;
        let carried = Carried::at_rest(&folder).map_err(|error| error.to_string())?;
        Ok((stored, carried))
    }

    fn import(&self, export: Vec<u8>, json: bool) -> Result<ExitCode, String> {
        let client::Answer { text, body, .. } =
            client::send(&self.config.admin_socket()?, Method::POST, STATE, export.into())?;
        if json {
            print(&text);
            return Ok(ExitCode::SUCCESS);
        }
        print(&describe(&body));
        Ok(ExitCode::SUCCESS)
    }
}

fn describe(reply: &Value) -> String {
    let (records, removed) = (&reply["records"], &reply["removed"]);
    let revision = &reply["revision"];
    let mut lines =
        vec![format!("{records} records are stored now, and {removed} are gone (revision {revision})")];
    let (denied, crls) = (&reply["denied"], &reply["crls"]);
    if *denied != 0 || *crls != 0 {
        lines.push(format!("{denied} denials and {crls} pushed CRLs came to those that are there"));
    }
    let warnings = reply["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str);
    lines.extend(warnings.map(|warning| format!("WARNING {warning}")));
    lines.join("\n")
}

fn passphrase(file: &Path) -> Result<SecretString, String> {
    let text = fs::read_to_string(file).map_err(|error| cannot_read(file, &error))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(SecretString::from(line.to_owned())),
        _ => Err(format!("{} has no passphrase on its first line", file.display())),
    }
}

fn encrypt(bytes: &[u8], passphrase: &SecretString) -> Result<Vec<u8>, String> {
    age::encrypt(&scrypt::Recipient::new(passphrase.clone()), bytes).map_err(|error| error.to_string())
}

fn decrypt(bytes: &[u8], passphrase: &SecretString) -> Result<Vec<u8>, String> {
    age::decrypt(&scrypt::Identity::new(passphrase.clone()), bytes)
        .map_err(|error| format!("it cannot be decrypted: {error}; is it the passphrase of this export?"))
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        return Ok(bytes);
    }
    fs::read(file).map_err(|error| cannot_read(file, &error))
}

fn cannot_read(file: &Path, error: &io::Error) -> String {
    format!("cannot read {}: {error}", file.display())
}

/// A file that is there already may be the last good one.
fn write(output: Option<&Path>, bytes: &[u8]) -> Result<ExitCode, String> {
    let written = match output {
        None => io::stdout().write_all(bytes),
        Some(path) => {
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            file.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        }
    };
    match (written, output) {
        (Ok(()), _) => Ok(ExitCode::SUCCESS),
        (Err(error), Some(path)) => Err(format!("cannot write {}: {error}", path.display())),
        (Err(error), None) => {
            print_error(&error.to_string());
            Ok(ExitCode::FAILURE)
        }
    }
}
