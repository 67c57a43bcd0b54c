//! `fleetgate pki`

mod ca;
mod ca_files;
mod cfssl_ca;
mod crl;
mod device;
mod fleet;
mod gencert;
mod gencrl;
mod go_flags;
mod interrupt;
mod issued;
mod json;
mod log;
mod passphrase;
mod pkcs12;
mod server;
mod show;
mod token_key;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

/// The arguments of `fleetgate pki`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  fleetgate pki ca new \"Device CA\"\n  fleetgate pki device new pump-17\n  fleetgate pki crl new --revoke pump-17.pem\n  fleetgate pki gencert -initca ca-csr.json | fleetgate pki json -bare ca\n\ngencert, gencrl and json take the arguments and files of cfssl and cfssljson."
)]
pub(super) struct Pki {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a CA: a root, or one below another.
    Ca(ca::Ca),
    /// Make a device's key and certificate.
    Device(device::Device),
    /// Make a server's key and certificate.
    Server(server::Server),
    /// Make the keys and certificates of many devices, on all cores.
    Fleet(fleet::Fleet),
    /// Make a PKCS #12 file of a key and its certificate, as browsers import it.
    Pkcs12(pkcs12::Pkcs12),
    /// Make a CRL, add to one, or look at one.
    Crl(crl::Crl),
    /// Say what certificates, requests, keys and CRLs are in a file.
    #[command(after_help = "Examples:\n  fleetgate pki show ca.pem\n  fleetgate pki show pump-17.pem --json")]
    Show {
        /// The file: PEM, or a CRL as DER or base64.
        file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say whether certificates verify with a CA, as the gateway would see it. Exit status 1 when one does not.
    Verify(verify::Verify),
    /// As `cfssl gencert`: make a key and a certificate from a request in JSON.
    #[command(disable_help_flag = true, after_help = gencert::HELP)]
    Gencert(Raw),
    /// As `cfssl gencrl`: make a CRL from a file of serial numbers, and print it in base64.
    #[command(disable_help_flag = true, after_help = gencrl::HELP)]
    Gencrl(Raw),
    /// As `cfssljson`: write what `gencert` prints to files.
    #[command(disable_help_flag = true, after_help = json::HELP)]
    Json(Raw),
}

/// Arguments with one dash, as Go has them.
#[derive(Debug, Args)]
struct Raw {
    /// Flags and files, as cfssl has them.
    #[arg(value_name = "ARGUMENTS", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

impl Pki {
    pub(super) fn run(&self) -> Result<ExitCode, String> {
        match &self.verb {
            Verb::Ca(ca) => ca.run(),
            Verb::Device(device) => device.run(),
            Verb::Server(server) => server.run(),
            Verb::Fleet(fleet) => fleet.run(),
            Verb::Pkcs12(pkcs12) => pkcs12.run(),
            Verb::Crl(crl) => crl.run(),
            Verb::Show { file, json } => show::show(file, *json),
            Verb::Verify(verify) => verify.run(),
            Verb::Gencert(Raw { arguments }) => gencert::run(arguments),
            Verb::Gencrl(Raw { arguments }) => gencrl::run(arguments),
            Verb::Json(Raw { arguments }) => json::run(arguments),
        }
    }
}

/// What an error says, for people.
fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn every_verb_shows_how_it_is_used() {
        fn look(command: &clap::Command, called: &str) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let (_, examples) = help.split_once("Example").unwrap_or_default();
            assert!(examples.contains(&format!("{called} ")), "{called}: {help}");
            for verb in command.get_subcommands() {
                look(verb, &format!("{called} {}", verb.get_name()));
            }
        }
        let all = crate::cli::Cli::command();
        look(all.find_subcommand("pki").unwrap(), "fleetgate pki");
    }
}
