//! CRLs: made, and made longer.

pub mod serials;

use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    CertificateRevocationListParams, KeyIdMethod, RevocationReason, RevokedCertParams, SerialNumber,
};
use time::OffsetDateTime;
use x509_parser::num_bigint::BigUint;

use super::authority::{Authority, AuthorityError};
use crate::device::revocation::{
    Entry, Issuer, IssuerError, ParseError, ParsedCrl, Reason, Scope, Serial, SerialError, VerifyError,
};
use crate::device::trust::certificate_algorithms;

/// How long a CRL counts unless somebody says otherwise: a week, as cfssl has it.
pub const LIFE: Duration = Duration::from_hours(7 * 24);

/// The time since the epoch.
pub fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// What a CRL is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Its number in the CA's sequence.
    pub number: Serial,
    /// When it is made, in seconds since the epoch.
    pub this_update: u64,
    /// When the next one is due, in seconds since the epoch.
    pub next_update: u64,
    /// Who is revoked.
    pub entries: Vec<Entry>,
}

/// Why there is no CRL.
#[derive(Debug, thiserror::Error)]
pub enum CrlError {
    /// The CA does not sign it.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The list before is damaged, or of a kind that is not made here.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The list before is not the CA's.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The list before speaks of some of the CA's certificates only; one that speaks of all would say more than is known.
    #[error(
        "the list is only one part of the CA's (its issuing distribution point says which), and lists of parts are not made \
         here: have what made it make the next one, too"
    )]
    Part,
    /// The CA has no name or key that CRLs could be checked by.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// A number that cannot be written.
    #[error("the serial number {0} is negative, and cannot be listed here: have its own CA list it")]
    Negative(Serial),
    /// A number that is too long to count on.
    #[error("the list's number: {0}")]
    Number(#[from] SerialError),
    /// A date that cannot be written.
    #[error("a date of the list lies beyond the year 9999, or the next update is not after this one")]
    Date,
}

impl List {
    /// One that lists nobody yet; `now` is since the epoch. Its number is the time in milliseconds: whoever keeps no count
    /// counts upwards all the same.
    pub fn new(now: Duration, life: Duration) -> Result<Self, CrlError> {
        Ok(Self {
            number: Serial::new(&wide(&BigUint::from(now.as_millis())))?,
            this_update: now.as_secs(),
            next_update: now.as_secs().saturating_add(life.as_secs()),
            entries: Vec::new(),
        })
    }

    /// The one that follows `der`, a CRL of this CA: with its entries, and a higher number.
    pub fn after(der: &[u8], ca: &Authority, now: Duration, life: Duration) -> Result<Self, CrlError> {
        let parsed = ParsedCrl::parse(der, der.len())?;
        let issuer = Issuer::read(ca.certificate())?;
        // Made in the future is no reason to lose its entries.
        parsed.verify([&issuer], certificate_algorithms(true), now.as_secs().max(parsed.this_update))?;
        if parsed.scope != Scope::All || parsed.shard.is_some() {
            return Err(CrlError::Part);
        }
        let list = Self::new(now, life)?;
        let next = parsed.number.map(|number| BigUint::from_bytes_be(Serial::from(number).octets()) + 1_u8);
        let number = next.filter(|next| *next > BigUint::from_bytes_be(list.number.octets()));
        let number = number.map_or(Ok(list.number), |number| Serial::new(&wide(&number)))?;
        Ok(Self { number, entries: parsed.entries().collect(), ..list })
    }

    /// Adds who is not listed yet; gives how many that were.
    pub fn add(&mut self, entries: impl IntoIterator<Item = Entry>) -> usize {
        let mut listed: HashSet<_> = self.entries.iter().map(|entry| entry.serial).collect();
        let before = self.entries.len();
        self.entries.extend(entries.into_iter().filter(|entry| listed.insert(entry.serial)));
        self.entries.len() - before
    }

    /// Signs it: DER.
    pub fn sign(&self, ca: &Authority) -> Result<Vec<u8>, CrlError> {
        if self.next_update <= self.this_update {
            return Err(CrlError::Date);
        }
        let params = CertificateRevocationListParams {
            this_update: date(self.this_update)?,
            next_update: date(self.next_update)?,
            crl_number: SerialNumber::from_slice(self.number.octets()),
            issuing_distribution_point: None,
            revoked_certs: self.entries.iter().map(revoked).collect::<Result<_, _>>()?,
            key_identifier_method: KeyIdMethod::PreSpecified(ca.key_id().to_vec()),
        };
        Ok(ca.sign_list(&params)?)
    }
}

/// Content octets of a positive INTEGER.
fn wide(number: &BigUint) -> Vec<u8> {
    [&[0], &*number.to_bytes_be()].concat()
}

fn date(seconds: u64) -> Result<OffsetDateTime, CrlError> {
    let seconds = i64::try_from(seconds).map_err(|_| CrlError::Date)?;
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| CrlError::Date)
}

fn revoked(entry: &Entry) -> Result<RevokedCertParams, CrlError> {
    if entry.serial.is_negative() {
        return Err(CrlError::Negative(entry.serial));
    }
    Ok(RevokedCertParams {
        serial_number: SerialNumber::from_slice(entry.serial.octets()),
        revocation_time: date(entry.revoked_at)?,
        reason_code: entry.reason.and_then(code),
        invalidity_date: None,
    })
}

/// A reason as rcgen has it. One that says nothing is left out (RFC 5280, 5.3.1).
fn code(reason: Reason) -> Option<RevocationReason> {
    Some(match reason {
        Reason::Unspecified | Reason::Other(_) => return None,
        Reason::KeyCompromise => RevocationReason::KeyCompromise,
        Reason::CaCompromise => RevocationReason::CaCompromise,
        Reason::AffiliationChanged => RevocationReason::AffiliationChanged,
        Reason::Superseded => RevocationReason::Superseded,
        Reason::CessationOfOperation => RevocationReason::CessationOfOperation,
        Reason::CertificateHold => RevocationReason::CertificateHold,
        Reason::PrivilegeWithdrawn => RevocationReason::PrivilegeWithdrawn,
        Reason::AaCompromise => RevocationReason::AaCompromise,
    })
}

#[cfg(test)]
mod tests;
