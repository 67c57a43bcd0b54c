//! Whether a CRL is what a trusted CA says now; and what is kept of it when it is.

use std::cmp::Ordering;
use std::time::{Duration, SystemTime};

use rustls::pki_types::SignatureVerificationAlgorithm;

use super::der::{OID, Reader};
use super::extension::dotted;
use super::issuer::{Issuer, IssuerId};
use super::name;
use super::parse::{CrlNumber, ParsedCrl};
use super::scope::{Scope, Shard};
use super::serial::Serial;
use super::serial_set::{SerialSet, Uncountable};
use super::signed::fitting;
use crate::model::hex::Upper;

/// How far a CA's clock may be ahead of ours, in seconds.
pub const CLOCK_SKEW: u64 = 300;

/// A CRL whose signature was checked, reduced to what lookups need.
#[derive(Debug)]
pub struct Crl {
    /// The CA.
    pub issuer: IssuerId,
    /// The CA's name, for people.
    pub issuer_name: String,
    /// The kind of certificate that it speaks of.
    pub scope: Scope,
    /// The part of those certificates, where the CA splits its list.
    pub shard: Option<Shard>,
    /// Its number in the CA's sequence.
    pub number: Option<CrlNumber>,
    /// When it was made, in seconds since the epoch.
    pub this_update: u64,
    /// When the next one is due, in seconds since the epoch. Without it, it never expires.
    pub next_update: Option<u64>,
    serials: SerialSet,
    /// Two CRLs of one CA with the same signature are one.
    signature: Box<[u8]>,
}

/// Why a CRL is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Signed with an algorithm that is not accepted.
    #[error(
        "the CRL of `{issuer}` is signed with {algorithm}, which is not accepted: have the CA sign with SHA-256 or \
         better, or mark a CA that can only sign with SHA-1 `allow_sha1`"
    )]
    Algorithm {
        /// The CA.
        issuer: String,
        /// The object identifier of the algorithm.
        algorithm: String,
    },
    /// The signature is not by the CA's key.
    #[error(
        "the signature does not verify with the key of `{issuer}`: the CRL is damaged or forged, another key signed \
         it, or the key is of a kind or size that is not accepted; fetch it again from the CA"
    )]
    BadSignature {
        /// The CA.
        issuer: String,
    },
    /// Another key than the CA's signed it.
    #[error(
        "the CRL of `{issuer}` was signed by another key ({key_id}) than that CA's: name that key's certificate in \
         `crl_issuers` if the CA lets it sign, or configure a CRL that the CA signed itself"
    )]
    Delegated {
        /// The CA.
        issuer: String,
        /// The id of the key that signed.
        key_id: String,
    },
    /// It is due before it was made.
    #[error(
        "the CRL of `{issuer}` is due for renewal (nextUpdate) before it was made (thisUpdate): report it to the CA"
    )]
    DatesReversed {
        /// The CA.
        issuer: String,
    },
    /// The right key, but another name.
    #[error(
        "the CRL names `{issuer}` as its issuer, and the CA with that key is called `{ca}`: tools that write the name \
         anew, such as `cfssl gencrl`, can change its order; make the CRL with the CA's own tool"
    )]
    NameDiffers {
        /// The issuer as the CRL names it.
        issuer: String,
        /// The CA.
        ca: String,
    },
    /// The CA's certificate does not let its key sign CRLs.
    #[error("`{issuer}` may not sign CRLs: its key usage lacks cRLSign; reissue the CA certificate with it")]
    NotASigner {
        /// The CA.
        issuer: String,
    },
    /// The key that may sign in the CA's place may not do so now.
    #[error(
        "the CRL of `{issuer}` was signed by a key of `crl_issuers` whose certificate has expired or is not valid yet: \
         name the renewed one"
    )]
    DelegateOutOfDate {
        /// The CA.
        issuer: String,
    },
    /// A list of the delegate's own.
    #[error(
        "the CRL names `{issuer}`, who may sign for `{ca}`, as its issuer, and so is not about certificates of that CA: \
         have it made in the CA's name; indirect CRLs are not applied"
    )]
    NamesItsSigner {
        /// The issuer as the CRL names it.
        issuer: String,
        /// The CA.
        ca: String,
    },
    /// It was made in the future.
    #[error("the CRL of `{issuer}` is from the future ({}): check this machine's clock and the CA's", time(*this_update))]
    NotYetValid {
        /// The CA.
        issuer: String,
        /// When it says it was made, in seconds since the epoch.
        this_update: u64,
    },
    /// It lists more than can be.
    #[error(transparent)]
    Uncountable(#[from] Uncountable),
    /// No CA of the trust set has that name.
    #[error(
        "no CA of the mTLS certificates is called `{issuer}`: add that CA to an mTLS certificate, or configure the CRL \
         of a CA that is there"
    )]
    UnknownIssuer {
        /// The issuer as the CRL names it.
        issuer: String,
    },
}

impl ParsedCrl<'_> {
    /// Checks that one of `issuers` signed it and that its dates can be, and takes out what lookups need.
    ///
    /// One that has expired is accepted: what the index makes of it is the CA's [`super::OnExpired`].
    pub fn verify<'i>(
        &self,
        issuers: impl IntoIterator<Item = &'i Issuer>,
        algorithms: &[&dyn SignatureVerificationAlgorithm],
        now: u64,
    ) -> Result<Crl, VerifyError> {
        let issuers: Vec<_> = issuers.into_iter().collect();
        let candidates = self.candidates(&issuers, now)?;
        let issuer = self.signer(&candidates, algorithms)?;
        self.check_dates(&issuer.name, now)?;
        Ok(Crl {
            issuer: issuer.id,
            issuer_name: issuer.name.clone(),
            scope: self.scope,
            shard: self.shard.map(Shard::new),
            number: self.number,
            this_update: self.this_update,
            next_update: self.next_update,
            serials: SerialSet::new(self.entries().map(|entry| entry.serial))?,
            signature: self.signature.into(),
        })
    }

    /// The CAs that may have signed it, at least one.
    fn candidates<'i>(&self, issuers: &[&'i Issuer], now: u64) -> Result<Vec<&'i Issuer>, VerifyError> {
        let (mut candidates, name) = (issuers.to_vec(), name::canonical(self.issuer));
        candidates.retain(|ca| *ca.subject == *name);
        if candidates.is_empty() {
            return Err(self.unknown_issuer(issuers));
        }
        let issuer = || name::display(self.issuer);
        candidates.retain(|ca| ca.may_have_key(self.authority_key_id));
        if candidates.is_empty() {
            let key_id = Upper(self.authority_key_id.unwrap_or_default()).to_string();
            return Err(VerifyError::Delegated { issuer: issuer(), key_id });
        }
        candidates.retain(|ca| ca.is_live(now));
        if candidates.is_empty() {
            return Err(VerifyError::DelegateOutOfDate { issuer: issuer() });
        }
        candidates.retain(|ca| ca.may_sign_crls);
        if candidates.is_empty() { Err(VerifyError::NotASigner { issuer: issuer() }) } else { Ok(candidates) }
    }

    fn unknown_issuer(&self, issuers: &[&Issuer]) -> VerifyError {
        let issuer = name::display(self.issuer);
        let same_key =
            issuers.iter().find(|ca| ca.key_id.is_some() && ca.key_id.as_deref() == self.authority_key_id);
        match same_key {
            Some(ca) if ca.delegated.is_some() => VerifyError::NamesItsSigner { issuer, ca: ca.name.clone() },
            Some(ca) => VerifyError::NameDiffers { issuer, ca: ca.name.clone() },
            None => VerifyError::UnknownIssuer { issuer },
        }
    }

    fn signer<'i>(
        &self,
        candidates: &[&'i Issuer],
        algorithms: &[&dyn SignatureVerificationAlgorithm],
    ) -> Result<&'i Issuer, VerifyError> {
        let issuer = || name::display(self.issuer);
        let fitting = fitting(algorithms, self.algorithm);
        if fitting.is_empty() {
            let oid = Reader::new(self.algorithm).expect(OID).map(|oid| dotted(oid.content));
            let algorithm = oid.unwrap_or_else(|_| "an unreadable algorithm".to_owned());
            return Err(VerifyError::Algorithm { issuer: issuer(), algorithm });
        }
        candidates
            .iter()
            .find(|ca| ca.has_signed(self.signed, self.signature, &fitting))
            .copied()
            .ok_or_else(|| VerifyError::BadSignature { issuer: issuer() })
    }

    fn check_dates(&self, issuer: &str, now: u64) -> Result<(), VerifyError> {
        let (issuer, this_update) = (issuer.to_owned(), self.this_update);
        if this_update > now.saturating_add(CLOCK_SKEW) {
            return Err(VerifyError::NotYetValid { issuer, this_update });
        }
        if self.next_update.is_some_and(|next_update| next_update < this_update) {
            return Err(VerifyError::DatesReversed { issuer });
        }
        Ok(())
    }
}

impl Crl {
    /// Whether it lists the certificate of its issuer with this serial number.
    pub fn contains(&self, serial: &Serial) -> bool {
        self.serials.contains(serial)
    }

    /// Whether it speaks of this kind of certificate and lists it.
    pub fn revokes(&self, serial: &Serial, is_ca: bool) -> bool {
        self.scope.covers(is_ca) && self.contains(serial)
    }

    /// Whether the next one is overdue. It is good until then, that second included.
    pub fn is_expired(&self, now: u64) -> bool {
        self.next_update.is_some_and(|next_update| next_update < now)
    }

    /// How many certificates it lists.
    pub const fn len(&self) -> usize {
        self.serials.len()
    }

    /// Whether it lists none.
    pub const fn is_empty(&self) -> bool {
        self.serials.is_empty()
    }

    /// Octets that it holds on the heap.
    pub fn heap_bytes(&self) -> usize {
        let shard = self.shard.as_ref().map_or(0, Shard::heap_bytes);
        self.serials.heap_bytes() + self.issuer_name.capacity() + self.signature.len() + shard
    }

    /// Whether two are about the same certificates, so that the newer replaces the older.
    pub(super) fn same_subject(&self, other: &Self) -> bool {
        (self.issuer, self.scope, &self.shard) == (other.issuer, other.scope, &other.shard)
    }

    /// Which of two about the same certificates is newer: by number where both have one, then by date.
    pub(super) fn age(&self, other: &Self) -> Ordering {
        self.edition().age(&other.edition())
    }

    /// Whether two are one, loaded twice.
    pub(super) fn same_content(&self, other: &Self) -> bool {
        self.issuer == other.issuer && self.signature == other.signature
    }
}

/// A time for people.
pub(super) fn time(seconds: u64) -> String {
    humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
}
