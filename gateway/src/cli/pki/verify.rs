//! `fleetgate pki verify`

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};

use super::said;
use crate::cli::print;
use crate::device::pem as pem_file;
use crate::device::refusal::now;
use crate::pki::verify::Trial;

/// The arguments of `fleetgate pki verify`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  fleetgate pki verify pump-17.pem\n  fleetgate pki verify pump-*.pem --ca ca.pem --crl devices.crl --json\n  fleetgate pki verify iot.example.com.pem --ca server-ca.pem --server iot.example.com"
)]
pub(super) struct Verify {
    /// Certificates, each a file with its chain, leaf first.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The CA's certificate or chain.
    #[arg(long, value_name = "FILE", default_value = "ca.pem")]
    ca: PathBuf,
    /// A CRL of the CA's: DER, PEM, or base64.
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,
    /// They are a server's, for this name; otherwise devices'.
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(super) fn run(&self) -> Result<ExitCode, String> {
        let (trial, server) = (self.trial()?, self.server_name()?);
        let mut results = Vec::with_capacity(self.files.len());
        for path in &self.files {
            let chain = pem_file::certificates(path).map_err(said)?;
            results.push((path, try_one(&trial, &chain, server.as_ref())));
        }
        let line = |(path, problem): &(&PathBuf, Option<String>)| match problem {
            None => format!("{}: good", path.display()),
            Some(problem) => format!("{}: BAD: {problem}", path.display()),
        };
        print(&if self.json {
            let value = |(path, problem): &(&PathBuf, Option<String>)| json!({ "file": path, "good": problem.is_none(), "problem": problem });
            results.iter().map(value).collect::<Value>().to_string()
        } else {
            results.iter().map(line).collect::<Vec<_>>().join("\n")
        });
        let all_good = results.iter().all(|(_, problem)| problem.is_none());
        Ok(if all_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn trial(&self) -> Result<Trial, String> {
        let of_ca = |error: &dyn std::fmt::Display| format!("{}: {error}", self.ca.display());
        let ca = pem_file::certificates(&self.ca).map_err(said)?;
        let mut trial = Trial::new(ca).map_err(|error| of_ca(&error))?;
        let lists = self.crl.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
        if !lists.is_empty() {
            trial = trial.with_crls(&lists, now()).map_err(|error| format!("the CRL: {error}"))?;
        }
        Ok(trial)
    }

    fn server_name(&self) -> Result<Option<ServerName<'_>>, String> {
        let parse = |name: &String| {
            let parsed = ServerName::try_from(name.as_str());
            parsed.map(|parsed| parsed.to_owned()).map_err(|_| format!("--server: `{name}` is no host name"))
        };
        self.server.as_ref().map(parse).transpose()
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// What is wrong with a certificate.
fn try_one(trial: &Trial, chain: &[CertificateDer<'_>], server: Option<&ServerName<'_>>) -> Option<String> {
    let result = match server {
        None => trial.device(chain, now()),
        Some(name) => trial.server(chain, name, now()),
    };
    result.err().map(said)
}
