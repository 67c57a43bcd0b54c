//! The command line.

mod alert;
mod api_token;
mod ban;
mod cache;
mod check;
mod client;
mod crl;
mod device;
mod doctor;
mod generate;
mod pki;
mod policy;
mod reload;
mod resource;
mod state;
mod status;
mod table;
mod token;
mod upgrade;
mod xdp;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{self, ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::config::{self, Config};
use crate::{gateway, telemetry};

/// A mutual-TLS edge gateway for IoT fleets.
#[derive(Debug, Parser)]
#[command(
    name = "fleetgate",
    version,
    after_help = "Example:\n  fleetgate run --config /etc/fleetgate/fleetgate.toml"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway in the foreground until SIGTERM; SIGHUP reloads.
    #[command(after_help = "Example:\n  fleetgate run --config fleetgate.toml")]
    Run(ConfigFile),
    /// Check a configuration: every problem, with file, line and column. Exit status 1 when it would not load.
    #[command(after_help = "Example:\n  fleetgate check --config fleetgate.toml --json")]
    Check {
        #[command(flatten)]
        config: ConfigFile,
        /// Print the problems as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Look at this machine for a gateway with this configuration: kernel, rights, interfaces, limits, files, clock. A line each,
    /// with the remedy. Exit status 1 when something is a problem.
    #[command(after_help = "Example:\n  fleetgate doctor --config fleetgate.toml")]
    Doctor {
        #[command(flatten)]
        config: ConfigFile,
        /// Print what was found as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what the running gateway is doing.
    #[command(after_help = "Example:\n  fleetgate status --json")]
    Status {
        #[command(flatten)]
        config: ConfigFile,
        /// Print the status as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Have the running gateway load its configuration again. Exit status 1 when it kept the old one.
    #[command(after_help = "Example:\n  fleetgate reload")]
    Reload {
        #[command(flatten)]
        config: ConfigFile,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Have the running gateway start the installed program in its place. No connection is refused; those that are open
    /// finish. Exit status 1 when the old one goes on.
    #[command(after_help = "Example:\n  fleetgate upgrade")]
    Upgrade {
        #[command(flatten)]
        config: ConfigFile,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Look at the verdict cache of the running gateway, or have it forget devices.
    Cache(cache::Cache),
    /// Deny devices at once, whatever their CA says; pardon them; list who is denied.
    Device(device::Device),
    /// Look at a CRL file, or at the CRLs of the running gateway.
    Crl(crl::Crl),
    /// Look at the keys that sign application tokens, replace them, or revoke an application's tokens.
    Token(token::Token),
    /// Issue, list or revoke tokens of the API.
    ApiToken(api_token::ApiToken),
    /// List mTLS certificates, add one, give it hostnames, or remove one.
    Cert(resource::Cert),
    /// List applications with their policies, add one, give it other policies, or remove one.
    App(resource::App),
    /// List rule groups, add one, or remove one.
    Group(resource::Group),
    /// Issue, list, refresh, rotate or revoke service tokens, which programs show instead of a certificate.
    ServiceToken(resource::ServiceToken),
    /// See which alerts would be sent when, send test messages, say who is told.
    Alert(alert::Alert),
    /// Carry everything that is stored to a file, or back.
    State(state::State),
    /// Look at the XDP side of the running gateway.
    Xdp(xdp::Xdp),
    /// Keep sources out for a time, pardon them, or list who is kept out.
    Ban(ban::Ban),
    /// Try policies without a gateway; list those that applications share, add one, or remove one.
    Policy(policy::Policy),
    /// Make a CA, certificates and CRLs: as cfssl does, and more simply.
    Pki(pki::Pki),
    /// Print what lets a shell complete the words of this command line.
    #[command(
        after_help = "Example:\n  fleetgate completions bash > /usr/share/bash-completion/completions/fleetgate"
    )]
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual pages of every verb into a folder.
    #[command(after_help = "Example:\n  fleetgate man /usr/share/man/man1")]
    Man {
        /// The folder.
        folder: PathBuf,
    },
}

#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration file. Commands that talk to a running gateway find its admin socket there.
    #[arg(long = "config", value_name = "FILE", global = true, default_value_os_t = config::default_path())]
    path: PathBuf,
}

impl ConfigFile {
    /// The admin socket of the gateway that runs with this file. A file that is broken by now still names it, as long
    /// as it is TOML: asking the running gateway about it is what the operator wants.
    fn admin_socket(&self) -> Result<PathBuf, String> {
        match Config::load(&self.path) {
            Ok((config, _)) => Ok(config.admin.socket),
            Err(problems) => config::admin_socket(&self.path).ok_or_else(|| problems.to_string()),
        }
    }
}

/// Runs the command line. The exit status is 0 for success, 1 for "no", and 2 for arguments that make no sense.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(config) => {
            telemetry::log::start();
            gateway::run(&config.path).map_err(|error| error.to_string()).map(|()| ExitCode::SUCCESS)
        }
        Command::Check { config, json } => Ok(check::check(&config.path, json)),
        Command::Doctor { config, json } => doctor::doctor(&config, json),
        Command::Status { config, json } => {
            config.admin_socket().and_then(|socket| status::status(&socket, json))
        }
        Command::Reload { config, json } => {
            config.admin_socket().and_then(|socket| reload::reload(&socket, json))
        }
        Command::Upgrade { config, json } => {
            config.admin_socket().and_then(|socket| upgrade::upgrade(&socket, json))
        }
        Command::Cache(cache) => cache.run(),
        Command::Device(device) => device.run(),
        Command::Crl(crl) => crl.run(),
        Command::Token(token) => token.run(),
        Command::ApiToken(token) => token.run(),
        Command::Cert(cert) => cert.run(),
        Command::App(app) => app.run(),
        Command::Group(group) => group.run(),
        Command::ServiceToken(token) => token.run(),
        Command::Alert(alert) => alert.run(),
        Command::State(state) => state.run(),
        Command::Xdp(xdp) => xdp.run(),
        Command::Ban(ban) => ban.run(),
        Command::Policy(policy) => policy.run(),
        Command::Pki(pki) => pki.run(),
        Command::Completions { shell } => Ok(generate::completions(shell)),
        Command::Man { folder } => generate::manual(&folder),
    };
    result.unwrap_or_else(|error| {
        print_error(&error);
        ExitCode::FAILURE
    })
}

#[expect(clippy::print_stderr, reason = "this is the command line")]
fn print_error(error: &str) {
    eprintln!("fleetgate: {error}");
}

/// Prints a line. Where nobody reads it, as behind `head`, or it cannot be written, that is the end: with status 1.
fn print(text: &str) {
    if let Err(error) = writeln!(io::stdout().lock(), "{text}") {
        if error.kind() != io::ErrorKind::BrokenPipe {
            print_error(&format!("cannot write to standard output: {error}"));
        }
        process::exit(1);
    }
}
