//! One device of a fleet: its files, made, or found as a run left them.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::PublicKeyData as _;
use rustls::pki_types::CertificateDer;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::Order;
use super::manifest::{Known, Line};
use crate::device::identity::Fingerprint;
use crate::device::pem::{self as pem_file, PemError};
use crate::device::revocation::Serial;
use crate::pki::key::{KeyError, KeyFileError};
use crate::pki::name::NameError;
use crate::pki::pkcs12::Pkcs12Error;
use crate::pki::{AuthorityError, Key, Name, Subject, pem};

/// Why a device is not made.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// A file cannot be written or read.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The certificate that is there is another CA's.
    #[error("{} was not issued by this CA; choose another folder for another CA's devices", .0.display())]
    OtherCa(PathBuf),
    /// The certificate that is there is another key's.
    #[error("{} is not for the key beside it, and is left as it is; move both away to have the device made", .0.display())]
    OtherKey(PathBuf),
    /// What is there is no certificate.
    #[error("{error}; move it away to have the device made")]
    Certificate {
        /// Why not.
        error: PemError,
    },
    /// What is there is no key.
    #[error("{0}; move it away to have the device made")]
    KeyFile(#[from] KeyFileError),
    /// No key can be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It has no name that can be in a certificate.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The CA does not sign.
    #[error(transparent)]
    Sign(#[from] AuthorityError),
    /// Its PKCS #12 file cannot be made.
    #[error(transparent)]
    Pkcs12(#[from] Pkcs12Error),
}

/// How a device came about.
pub(super) enum Made<'a> {
    /// It is listed, and there.
    Before,
    /// It is to be listed so.
    Now(Line<'a>),
}

impl Order<'_> {
    /// Makes what is missing of a device whose files begin with `base`.
    pub(super) fn device<'n>(
        &self,
        name: &'n str,
        base: &str,
        known: Option<&Known>,
    ) -> Result<Made<'n>, DeviceError> {
        if let Some(known) = known
            && let Some(chain) = self.listed(known)?
        {
            let base = known.file.strip_suffix(".pem").unwrap_or(base);
            self.bundle(name, base, &chain, None)?;
            return Ok(Made::Before);
        }
        let key = self.key(&self.folder.join(format!("{base}-key.pem")))?;
        let file = format!("{base}.pem");
        let chain = self.certificate(name, &self.folder.join(&file), &key)?;
        self.bundle(name, base, &chain, Some(key))?;
        let der = chain.first().map_or(&[][..], |leaf| leaf);
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| AuthorityError::Malformed)?;
        let serial = Serial::new(certificate.raw_serial()).map_err(|_| AuthorityError::Malformed)?;
        let fingerprint = Fingerprint::of(der).hex();
        Ok(Made::Now(Line { name, serial: serial.to_string(), fingerprint, file }))
    }

    /// The certificates of a device that is listed, if they are where the list says. Its key may have gone to the device.
    fn listed(&self, known: &Known) -> Result<Option<Vec<CertificateDer<'static>>>, DeviceError> {
        let path = self.folder.join(&*known.file);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(DeviceError::File { path, error }),
        };
        let chain = pem_file::certificates_in(&text, &path).unwrap_or_default();
        let Some(leaf) = chain.first().filter(|leaf| Fingerprint::of(leaf) == known.fingerprint) else {
            return Ok(None);
        };
        self.is_ours(leaf, &path, None)?;
        Ok(Some(chain))
    }

    /// A new key, or the one that is there.
    fn key(&self, path: &Path) -> Result<Key, DeviceError> {
        let key = Key::generate(self.key)?;
        Ok(if write(path, key.pem().as_bytes(), 0o600)? { key } else { Key::read(path, None)? })
    }

    /// A new certificate with what follows it, or what is there.
    fn certificate(
        &self,
        name: &str,
        path: &Path,
        key: &Key,
    ) -> Result<Vec<CertificateDer<'static>>, DeviceError> {
        let subject = Subject { name: Name::parse(self.subject, name)?, hosts: Vec::new() };
        let leaf = self.ca.issue(&subject, key, self.profile)?;
        if write(path, (pem::certificate(&leaf) + self.chain).as_bytes(), 0o644)? {
            return Ok(vec![leaf]);
        }
        let chain = pem_file::certificates(path).map_err(|error| DeviceError::Certificate { error })?;
        chain.first().map_or(Ok(()), |leaf| self.is_ours(leaf, path, Some(key)))?;
        Ok(chain)
    }

    /// Whether a certificate that is there is one that could have been made here: by a CA of this name, and with this key.
    fn is_ours(&self, der: &[u8], path: &Path, key: Option<&Key>) -> Result<(), DeviceError> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| AuthorityError::Malformed)?;
        let by_key = certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| id.0),
            _ => None,
        });
        let is_own_key = by_key.is_none_or(|id| id == self.ca.key_id());
        if !is_own_key || certificate.issuer().as_raw() != self.ca.name().der() {
            return Err(DeviceError::OtherCa(path.to_owned()));
        }
        match key {
            Some(key) if certificate.public_key().raw != key.subject_public_key_info() => {
                Err(DeviceError::OtherKey(path.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// The PKCS #12 file, where one is wanted and not there; without a key, with that of the device's file.
    fn bundle(
        &self,
        name: &str,
        base: &str,
        chain: &[CertificateDer<'_>],
        key: Option<Key>,
    ) -> Result<(), DeviceError> {
        let Some(bundle) = self.bundle else { return Ok(()) };
        let path = self.folder.join(format!("{base}.p12"));
        if path.metadata().is_ok_and(|there| there.len() > 0) {
            return Ok(());
        }
        let key = match key {
            Some(key) => key,
            None => Key::read(&self.folder.join(format!("{base}-key.pem")), None)?,
        };
        write(&path, &bundle.encode(name, &key, chain)?, 0o600)?;
        Ok(())
    }
}

/// Writes a file that is not there, and says whether it did. An empty one is what a run left that was killed, or a machine
/// that lost its power: nothing is lost when it is filled.
fn write(path: &Path, content: &[u8], mode: u32) -> Result<bool, DeviceError> {
    let failed = |error| DeviceError::File { path: path.to_owned(), error };
    let create = || OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = match create() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let there = path.symlink_metadata().map_err(failed)?;
            if !there.is_file() {
                return Err(failed(io::Error::other("this is no file, and nothing is written through it")));
            }
            if there.len() > 0 {
                return Ok(false);
            }
            // Not written into: whoever has it open, or owns it, would read what comes.
            fs::remove_file(path).and_then(|()| create()).map_err(failed)?
        }
        file => file.map_err(failed)?,
    };
    let written = file.write_all(content);
    if written.is_err() {
        drop(fs::remove_file(path));
    }
    written.map_err(failed)?;
    Ok(true)
}
