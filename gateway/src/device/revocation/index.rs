//! The revocation index: every CRL and every local denial, asked once for each handshake.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::coverage::Coverage;
use super::deny::DenyList;
use super::issuer::{Issuer, IssuerError, IssuerId};
use super::points::Points;
use super::serial::Serial;
use super::verify::Crl;
use crate::device::identity::Fingerprint;

/// Which certificate: who issued it, and what its issuer calls it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CertificateId {
    /// The CA that issued it.
    pub issuer: IssuerId,
    /// Its serial number.
    pub serial: Serial,
    /// Whether it is a CA's.
    pub is_ca: bool,
    /// Where its CRL is, where it says so.
    pub points: Points,
}

/// What else is known of a device's certificate, for local denials.
#[derive(Clone, Copy, Debug)]
pub struct LeafFacts<'a> {
    /// SHA-256 of the certificate.
    pub fingerprint: Fingerprint,
    /// SHA-256 of the DER of its `SubjectPublicKeyInfo`.
    pub key_sha256: [u8; 32],
    /// All of its common names: one that is denied denies it.
    pub common_names: &'a [Box<str>],
}

/// What becomes of a CA's devices when its CRL has expired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnExpired {
    /// All are denied until there is a new one.
    #[default]
    Hard,
    /// Those that it lists stay denied.
    Soft,
}

/// What the index says of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing against it.
    Good,
    /// A certificate of it is revoked.
    Revoked(Revocation),
    /// The CA of one of its certificates has a CRL that is overdue, and may have revoked it since.
    CrlExpired {
        /// The CA.
        issuer: IssuerId,
        /// The certificate's place on the path; the leaf is 0.
        position: usize,
        /// When the next CRL was due, in seconds since the epoch.
        due: u64,
    },
    /// The CA of one of its certificates splits its list, and the part that it would be in is not loaded.
    CrlMissing {
        /// The CA.
        issuer: IssuerId,
        /// The certificate's place on the path; the leaf is 0.
        position: usize,
    },
    /// The same, of an [`OnExpired::Soft`] CA: there is nothing against it, as far as anybody can know.
    NotCovered {
        /// The CA.
        issuer: IssuerId,
        /// The certificate's place on the path; the leaf is 0.
        position: usize,
    },
}

/// What revokes a certificate, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// What revokes it.
    pub by: RevokedBy,
    /// Its place on the path; the leaf is 0.
    pub position: usize,
}

/// What revokes a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokedBy {
    /// A denied common name.
    CommonName,
    /// Its CA's CRL.
    Crl {
        /// The CA.
        issuer: IssuerId,
    },
    /// A denied fingerprint.
    Fingerprint,
    /// A denied key.
    Key,
    /// A denied issuer and serial number.
    Serial,
}

/// Why a CRL does not replace the one that is loaded: somebody brought an old one back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the CRL of `{issuer}` is older ({refused}) than the newest that was accepted ({newest}): fetch the current one; if \
     the CA has started its numbers again, have the gateway forget that with `fleetgate crl forget`"
)]
pub struct StaleCrl {
    /// The CA.
    pub issuer: String,
    /// The number and date of the refused one.
    pub refused: String,
    /// The number and date of the newest one.
    pub newest: String,
}

/// Every CRL and every local denial. It never changes; a change makes another one.
#[derive(Debug, Default)]
pub struct RevocationIndex {
    generation: u64,
    issuers: HashMap<IssuerId, IssuerCrls>,
    denied: Arc<DenyList>,
    superseded: Vec<Arc<Crl>>,
}

/// The CRLs that together speak of one CA's certificates.
#[derive(Clone, Debug)]
struct IssuerCrls {
    crls: Vec<Arc<Crl>>,
    coverage: Coverage,
    on_expired: OnExpired,
}

impl CertificateId {
    /// Of a certificate that `issuer` signed.
    pub fn read(der: &[u8], issuer: IssuerId) -> Result<Self, IssuerError> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| IssuerError::Malformed)?;
        let serial = Serial::new(certificate.raw_serial())?;
        let points = certificate.iter_extensions().find(|extension| {
            extension.oid == x509_parser::oid_registry::OID_X509_EXT_CRL_DISTRIBUTION_POINTS
        });
        let points = points.map_or_else(Points::default, |extension| Points::read(extension.value));
        Ok(Self { issuer, serial, is_ca: certificate.is_ca(), points })
    }

    /// Of every certificate of a validated path, given leaf first and anchor last; not of the anchor, whose issuer
    /// is not known.
    pub fn of_path(path: &[impl AsRef<[u8]>]) -> Result<Vec<Self>, IssuerError> {
        let issued = path.iter().zip(path.iter().skip(1));
        issued.map(|(der, issuer)| Self::read(der.as_ref(), Issuer::read(issuer.as_ref())?.id)).collect()
    }
}

impl RevokedBy {
    /// The value of metric labels and log fields.
    pub const fn label(self) -> &'static str {
        match self {
            Self::CommonName => "denied_common_name",
            Self::Crl { .. } => "crl",
            Self::Fingerprint => "denied_fingerprint",
            Self::Key => "denied_key",
            Self::Serial => "denied_serial",
        }
    }
}

impl RevocationIndex {
    /// An index of `crls`, of which the newest counts where several are about the same certificates.
    pub fn new(
        generation: u64,
        crls: impl IntoIterator<Item = Arc<Crl>>,
        on_expired: impl Fn(&IssuerId) -> OnExpired,
        denied: Arc<DenyList>,
    ) -> Self {
        let mut index = Self { generation, denied, ..Self::default() };
        for crl in crls {
            let entry = index.issuers.entry(crl.issuer);
            let new = |id: &IssuerId| IssuerCrls {
                crls: Vec::new(),
                coverage: Coverage::default(),
                on_expired: on_expired(id),
            };
            entry.or_insert_with_key(new).add(crl, &mut index.superseded);
        }
        index
    }

    /// The next index, with the same CRLs and other local denials.
    #[must_use]
    pub fn with_denied(&self, denied: Arc<DenyList>) -> Self {
        Self {
            generation: self.generation + 1,
            issuers: self.issuers.clone(),
            denied,
            superseded: self.superseded.clone(),
        }
    }

    /// Which index it is, as the caller counts them.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The CRLs that count.
    pub fn crls(&self) -> impl Iterator<Item = &Arc<Crl>> {
        self.issuers.values().flat_map(|issuer| &issuer.crls)
    }

    /// What a CA that has a CRL is called, for people.
    pub fn issuer_name(&self, issuer: &IssuerId) -> Option<&str> {
        self.issuers.get(issuer)?.crls.first().map(|crl| crl.issuer_name.as_str())
    }

    /// Those that do not, because a newer one is about the same certificates, or because they were given twice.
    pub fn superseded(&self) -> &[Arc<Crl>] {
        &self.superseded
    }

    /// The local denials.
    pub const fn denied(&self) -> &Arc<DenyList> {
        &self.denied
    }

    /// Octets that the CRLs hold on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.crls().map(|crl| crl.heap_bytes()).sum()
    }

    /// Whether `new` may replace what is loaded. A CRL that is loaded already may.
    pub fn accepts(&self, new: &Crl) -> Result<(), StaleCrl> {
        let loaded = self.issuers.get(&new.issuer).map_or(&[][..], |issuer| &issuer.crls);
        match loaded.iter().find(|loaded| loaded.same_subject(new) && new.age(loaded) == Ordering::Less) {
            None => Ok(()),
            Some(loaded) => Err(StaleCrl {
                issuer: new.issuer_name.clone(),
                refused: new.edition().to_string(),
                newest: loaded.edition().to_string(),
            }),
        }
    }

    /// The standing of a validated path, leaf first. It takes the same time however many certificates are revoked.
    ///
    /// A CA that has no CRL revokes nothing. What one of a CA's CRLs lists is revoked, in whichever shard it stands;
    /// one overdue shard makes all of a [`OnExpired::Hard`] CA's certificates of that kind overdue; and where there are
    /// shards, a certificate that none of them is about, nor a list of all, is not known to be good.
    pub fn check(&self, path: &[CertificateId], leaf: LeafFacts<'_>, now: u64) -> Standing {
        if let Some(revocation) = self.denied.find(path, leaf) {
            return Standing::Revoked(revocation);
        }
        for (position, id) in path.iter().enumerate() {
            if self.issuers.get(&id.issuer).is_some_and(|issuer| issuer.revokes(id)) {
                return Standing::Revoked(Revocation { by: RevokedBy::Crl { issuer: id.issuer }, position });
            }
        }
        let mut standing = Standing::Good;
        for (position, id) in path.iter().enumerate() {
            let Some(crls) = self.issuers.get(&id.issuer) else { continue };
            let issuer = id.issuer;
            if let Some(due) = crls.overdue(id.is_ca, now) {
                return Standing::CrlExpired { issuer, position, due };
            }
            match (crls.coverage.covers(id), crls.on_expired) {
                (true, _) => {}
                (false, OnExpired::Hard) => return Standing::CrlMissing { issuer, position },
                (false, OnExpired::Soft) => standing = Standing::NotCovered { issuer, position },
            }
        }
        standing
    }

    /// When the first CRL of a [`OnExpired::Hard`] CA expires after `now`: from the next second on, open connections
    /// may have lost their standing.
    pub fn next_expiry(&self, now: u64) -> Option<u64> {
        let hard = self.issuers.values().filter(|issuer| issuer.on_expired == OnExpired::Hard);
        hard.flat_map(|issuer| &issuer.crls).filter_map(|crl| crl.next_update).filter(|due| *due >= now).min()
    }
}

impl IssuerCrls {
    fn add(&mut self, new: Arc<Crl>, superseded: &mut Vec<Arc<Crl>>) {
        for loaded in &mut self.crls {
            if !loaded.same_subject(&new) {
                continue;
            }
            match new.age(loaded) {
                Ordering::Less => return superseded.push(new),
                Ordering::Greater => return superseded.push(std::mem::replace(loaded, new)),
                Ordering::Equal if loaded.same_content(&new) => return superseded.push(new),
                // Two of one second, without numbers: neither is newer, so both count.
                Ordering::Equal => {}
            }
        }
        self.coverage.add(&new);
        self.crls.push(new);
    }

    fn revokes(&self, id: &CertificateId) -> bool {
        self.crls.iter().any(|crl| crl.revokes(&id.serial, id.is_ca))
    }

    fn overdue(&self, is_ca: bool, now: u64) -> Option<u64> {
        let overdue = |crl: &&Arc<Crl>| crl.scope.covers(is_ca) && crl.is_expired(now);
        let due = self.crls.iter().filter(overdue).filter_map(|crl| crl.next_update).min();
        due.filter(|_| self.on_expired == OnExpired::Hard)
    }
}
