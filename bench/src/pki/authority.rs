//! A CA that issues in memory: a fleet of ten thousand is no files.

use rcgen::{DnType, KeyPair, SerialNumber};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use time::Duration;

use super::issue::{self, ORGANIZATION, authority, client_params};
use super::revoke::list;
use super::{IssueError, KeyKind};
use crate::client::Identity;

/// A root, and the issuing CA below it, which devices send along.
pub struct Authority {
    name: String,
    root: issue::Authority,
    issuing: issue::Authority,
}

/// Whom a certificate is for, and how it differs from a good one.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// Its common name.
    pub name: &'a str,
    /// Its serial number.
    pub serial: u64,
    /// Whether it has expired an hour ago.
    pub expired: bool,
    /// Whether it is of another organization.
    pub foreign: bool,
}

/// The organization in certificates that are foreign.
const ANOTHER: &str = "Somebody Else";

impl Authority {
    /// A new one.
    ///
    /// # Errors
    /// When there are no keys to be had.
    pub fn new(name: &str, kind: KeyKind) -> Result<Self, IssueError> {
        let failed = |error| IssueError { name: name.to_owned(), error };
        let root = authority(&format!("{name} Root CA"), kind, None).map_err(failed)?;
        let issuing = authority(&format!("{name} Issuing CA"), kind, Some(&root)).map_err(failed)?;
        Ok(Self { name: name.to_owned(), root, issuing })
    }

    /// What it is verified with: the issuing CA, whose CRL there is, and its root.
    pub fn pem(&self) -> String {
        self.issuing.pem() + &self.root.pem()
    }

    /// The organization of all certificates that are not foreign.
    pub fn organization() -> &'static str {
        ORGANIZATION
    }

    /// A device's identity.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn issue(&self, subject: &Subject<'_>, key: &KeyPair) -> Result<Identity, IssueError> {
        let issue = || {
            let mut params = client_params(subject.name)?;
            params.serial_number = Some(SerialNumber::from(subject.serial));
            if subject.expired {
                params.not_before -= Duration::days(30);
                params.not_after = params.not_before + Duration::days(30);
            }
            if subject.foreign {
                params.distinguished_name.remove(DnType::OrganizationName);
                params.distinguished_name.push(DnType::OrganizationName, ANOTHER);
            }
            params.signed_by(key, &self.issuing)
        };
        let leaf = issue().map_err(|error| IssueError { name: subject.name.to_owned(), error })?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(Identity { chain: vec![leaf.der().clone(), self.issuing.der().clone()], key })
    }

    /// The issuing CA's CRL number `number`, which lists these.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn crl(&self, number: u64, serials: impl IntoIterator<Item = u64>) -> Result<String, IssueError> {
        let list = list(number, serials.into_iter().map(SerialNumber::from));
        let signed = list.signed_by(&self.issuing).and_then(|list| list.pem());
        signed.map_err(|error| IssueError { name: format!("the CRL of {}", self.name), error })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::RootCertStore;
    use rustls::crypto::aws_lc_rs::default_provider;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
    use rustls::server::WebPkiClientVerifier;
    use rustls::server::danger::ClientCertVerifier;

    use super::*;

    fn verifier(authority: &Authority, revoked: &[u64]) -> Arc<dyn ClientCertVerifier> {
        let mut roots = RootCertStore::empty();
        let pem = authority.pem();
        roots.add(CertificateDer::pem_slice_iter(pem.as_bytes()).last().unwrap().unwrap()).unwrap();
        let crl = authority.crl(1, revoked.iter().copied()).unwrap();
        let crl = CertificateRevocationListDer::from_pem_slice(crl.as_bytes()).unwrap();
        WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::new(default_provider()))
            .with_crls([crl])
            .only_check_end_entity_revocation()
            .build()
            .unwrap()
    }

    #[test]
    fn devices_of_every_kind_of_key_verify_until_they_expire_or_are_revoked() {
        for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Ed25519, KeyKind::Rsa2048] {
            let authority = Authority::new("Fleet", kind).unwrap();
            let verifier = verifier(&authority, &[7]);
            let is_good = |serial, expired| {
                let key = kind.generate_many(1).unwrap().remove(0);
                let subject = Subject { name: "device", serial, expired, foreign: false };
                let Identity { chain, .. } = authority.issue(&subject, &key).unwrap();
                verifier.verify_client_cert(&chain[0], &chain[1..], UnixTime::now()).is_ok()
            };
            assert!(is_good(1, false), "{kind:?}");
            assert!(!is_good(7, false), "{kind:?}");
            assert!(!is_good(1, true), "{kind:?}");
        }
    }
}
