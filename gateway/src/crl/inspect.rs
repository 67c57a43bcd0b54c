//! A CRL file as somebody would look at it who has not loaded it yet.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rustls::pki_types::SignatureVerificationAlgorithm;
use serde::Serialize;

use super::file;
use crate::device::revocation::{
    Issuer, IssuerId, ParsedCrl, RadixReport, Reason, Serial, SerialSet, Shard, VerifyError, envelope,
};
use crate::device::{pem, refusal, trust};

/// Whatever the gateway is configured to take: this only looks.
const MAX_BYTES: usize = 1 << 30;

/// Entries that are shown one by one.
const SHOWN: usize = 5;

/// What a CRL says, and whether its CA said it.
#[derive(Debug, Serialize)]
pub struct Inspection {
    /// The issuer, for people.
    pub issuer: String,
    /// The CA, where one was given that signed it.
    pub issuer_id: Option<String>,
    /// Its number in the CA's sequence, in decimal.
    pub number: Option<String>,
    /// When it was made, in seconds since the epoch.
    pub this_update: u64,
    /// When the next one is due, in seconds since the epoch.
    pub next_update: Option<u64>,
    /// Whether that has passed.
    pub expired: bool,
    /// The kind of certificate that it speaks of: `all`, `ca` or `user`.
    pub scope: &'static str,
    /// The distribution point, where the CA splits its list.
    pub shard: Option<String>,
    /// How many entries it has.
    pub entries: usize,
    /// The first few.
    pub first: Vec<Listed>,
    /// Whether its CA signed it.
    pub signature: Signature,
    #[serde(skip)]
    serials: SerialSet,
    /// The CAs that it may be of.
    #[serde(skip)]
    issuers: Vec<IssuerId>,
}

/// An entry.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// The serial number in hexadecimal, as OpenSSL prints it.
    pub hex: String,
    /// The same in decimal, as cfssl prints it; nothing for a negative one.
    pub decimal: Option<String>,
    /// Since when it is revoked, in seconds since the epoch.
    pub revoked_at: u64,
    /// Why, where the CA says so.
    pub reason: Option<&'static str>,
}

/// Whether a CA signed it.
#[derive(Debug, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Signature {
    /// No CA was given.
    NotChecked,
    /// It did.
    Good {
        /// With SHA-1: only an mTLS certificate with `allow_sha1` takes it.
        sha1: bool,
    },
    /// It did not, or what it signed cannot be.
    Bad {
        /// Why.
        problem: String,
    },
}

/// Why a file cannot be looked at, for people.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InspectError(String);

/// Looks at every CRL in the file at `path`, and checks their signatures by the certificates in `ca`.
///
/// # Errors
/// One of the files cannot be read, or the first holds no CRL that Fleetgate can apply.
pub fn inspect(path: &Path, ca: Option<&Path>) -> Result<Vec<Inspection>, InspectError> {
    let attempt = catch_unwind(AssertUnwindSafe(|| try_inspect(path, ca)));
    attempt.unwrap_or_else(|_| {
        Err(InspectError("the CRL parser panicked: please report it with the file".into()))
    })
}

fn try_inspect(path: &Path, ca: Option<&Path>) -> Result<Vec<Inspection>, InspectError> {
    let of_file = |error: &dyn std::fmt::Display| InspectError(format!("{}: {error}", path.display()));
    let issuers = ca.map(issuers).transpose()?;
    let bytes = file::read(path, MAX_BYTES).map_err(|error| of_file(&error))?;
    let lists = envelope::decode(&bytes, bytes.len()).map_err(|error| of_file(&error))?;
    let inspected = lists.iter().map(|der| {
        let crl = ParsedCrl::parse(der, bytes.len()).map_err(|error| of_file(&error))?;
        Inspection::new(&crl, issuers.as_deref()).map_err(|error| of_file(&error))
    });
    inspected.collect()
}

fn issuers(ca: &Path) -> Result<Vec<Issuer>, InspectError> {
    let certificates = pem::certificates(ca).map_err(|error| InspectError(error.to_string()))?;
    let issuers = certificates.iter().map(|der| Issuer::read(der)).collect::<Result<_, _>>();
    issuers.map_err(|error| InspectError(format!("{}: {error}", ca.display())))
}

impl Inspection {
    fn new(crl: &ParsedCrl<'_>, issuers: Option<&[Issuer]>) -> Result<Self, VerifyError> {
        let (signature, signer) = check(crl, issuers);
        let first = crl.entries().take(SHOWN).map(|entry| Listed {
            hex: entry.serial.to_string(),
            decimal: entry.serial.decimal(),
            revoked_at: entry.revoked_at,
            reason: entry.reason.map(Reason::label),
        });
        let given = || issuers.unwrap_or_default().iter().map(|issuer| issuer.id).collect();
        Ok(Self {
            issuer: crl.issuer_name(),
            issuer_id: signer.map(|id| id.to_string()),
            number: crl.number.map(|number| number.to_string()),
            this_update: crl.this_update,
            next_update: crl.next_update,
            expired: crl.next_update.is_some_and(|due| due < refusal::now()),
            scope: crl.scope.label(),
            shard: crl.shard.map(|name| Shard::new(name).to_string()),
            entries: crl.length,
            first: first.collect(),
            signature,
            serials: SerialSet::new(crl.entries().map(|entry| entry.serial))?,
            issuers: signer.map_or_else(given, |id| vec![id]),
        })
    }

    /// Whether it may speak of the devices of a CA with this id, which they call by this name: by the id of the CA that
    /// was given, else by the name.
    pub fn is_of(&self, id: &IssuerId, name: &str) -> bool {
        if self.issuers.is_empty() { self.issuer == name } else { self.issuers.contains(id) }
    }

    /// How many of the serial numbers that a gateway has `seen` it lists, and how many it would list misread.
    pub fn compare(&self, seen: impl IntoIterator<Item = Serial>) -> RadixReport {
        RadixReport::new(|serial| self.serials.contains(serial), seen)
    }
}

fn check(crl: &ParsedCrl<'_>, issuers: Option<&[Issuer]>) -> (Signature, Option<IssuerId>) {
    let Some(issuers) = issuers else { return (Signature::NotChecked, None) };
    let verify = |algorithms: &[&dyn SignatureVerificationAlgorithm]| {
        crl.verify(issuers, algorithms, refusal::now()).map(|crl| crl.issuer)
    };
    let (sha1, result) = match verify(trust::certificate_algorithms(false)) {
        Err(VerifyError::Algorithm { .. }) => (true, verify(trust::certificate_algorithms(true))),
        result => (false, result),
    };
    match result {
        Ok(id) => (Signature::Good { sha1 }, Some(id)),
        Err(error) => (Signature::Bad { problem: error.to_string() }, None),
    }
}
