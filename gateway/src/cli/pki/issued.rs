//! What was issued: written to files, and told.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use rustls::pki_types::CertificateDer;
use serde_json::json;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use super::said;
use crate::cli::{crl, print};
use crate::device::identity::{Fingerprint, Identity};
use crate::device::revocation::Serial;
use crate::pki::pem;
use crate::pki::write::{self, Output};

/// Where files go.
#[derive(Debug, Args)]
pub(super) struct Out {
    /// The beginning of the files' names: OUT.pem and OUT-key.pem.
    #[arg(long = "out", value_name = "OUT")]
    base: Option<PathBuf>,
    /// Replace files that exist.
    #[arg(long)]
    force: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A certificate and what goes with it.
pub(super) struct Issued<'a> {
    pub(super) certificate: &'a CertificateDer<'a>,
    /// PEM that follows it in its file.
    pub(super) chain: &'a str,
    /// PEM; nothing where somebody else has the key.
    pub(super) key: Option<Zeroizing<String>>,
}

impl Out {
    /// Writes the files and says what they are. `name` is the beginning of their names unless `--out` says it.
    pub(super) fn write(&self, name: &str, issued: &Issued<'_>) -> Result<ExitCode, String> {
        let base = match &self.base {
            Some(base) => base.clone(),
            None if is_file_name(name) => PathBuf::from(name),
            None => return Err(format!("`{name}` makes no file name; choose one with --out")),
        };
        let certificate = pem::certificate(issued.certificate) + issued.chain;
        let (certificate_path, key_path) = (with(&base, ".pem"), with(&base, "-key.pem"));
        let key = issued.key.as_ref().map(|key| Output {
            path: key_path.clone(),
            content: key.as_bytes(),
            secret: true,
        });
        let certificate =
            Output { path: certificate_path.clone(), content: certificate.as_bytes(), secret: false };
        // A certificate without its key would be of no use.
        let files: Vec<_> = key.into_iter().chain([certificate]).collect();
        write::write(&files, self.force).map_err(said)?;
        let key_path = issued.key.is_some().then_some(key_path);
        self.tell(issued.certificate, &certificate_path, key_path.as_deref())
    }

    fn tell(&self, der: &[u8], certificate: &Path, key: Option<&Path>) -> Result<ExitCode, String> {
        let identity = Identity::read(der, Fingerprint::of(der)).map_err(said)?;
        let until = crl::time(identity.not_after);
        if self.json {
            let decimal = serial(der).and_then(|serial| serial.decimal());
            let value = json!({
                "certificate": certificate, "key": key, "subject": identity.subject.rfc2253,
                "serial": identity.serial, "serial_decimal": decimal,
                "sha256": identity.fingerprint.hex(), "not_after": until,
            });
            print(&value.to_string());
            return Ok(ExitCode::SUCCESS);
        }
        let what = format!("{}, serial {}, until {until}", identity.subject.rfc2253, identity.serial);
        print(&format!("{}: {what}", certificate.display()));
        if let Some(key) = key {
            print(&format!("{}: its key", key.display()));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A certificate's serial number.
pub(super) fn serial(der: &[u8]) -> Option<Serial> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Serial::new(certificate.raw_serial()).ok()
}

/// A path with something behind its last part; a name with a dot keeps it.
pub(super) fn with(base: &Path, suffix: &str) -> PathBuf {
    let mut path: OsString = base.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn is_file_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0'])
}
