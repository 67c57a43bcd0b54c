//! The cases of x509-limbo, as its file has them.

use std::time::UNIX_EPOCH;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use serde::Deserialize;

use crate::device::tests::pki::NOW;

/// A case, as far as it matters here.
#[derive(Deserialize)]
pub(super) struct Case {
    pub(super) id: String,
    pub(super) validation_kind: String,
    pub(super) expected_result: String,
    pub(super) expected_peer_name: Option<PeerName>,
    pub(super) max_chain_depth: Option<u32>,
    trusted_certs: Vec<String>,
    untrusted_intermediates: Vec<String>,
    peer_certificate: String,
    validation_time: Option<String>,
    crls: Vec<String>,
}

/// The name that the case connects to.
#[derive(Deserialize)]
pub(super) struct PeerName {
    pub(super) value: String,
}

#[derive(Deserialize)]
struct Limbo {
    testcases: Vec<Case>,
}

/// What a case verifies, in DER.
#[derive(Clone)]
pub(super) struct Chain {
    pub(super) trusted: Vec<CertificateDer<'static>>,
    pub(super) sent: Vec<CertificateDer<'static>>,
    pub(super) leaf: CertificateDer<'static>,
    pub(super) crls: Vec<CertificateRevocationListDer<'static>>,
}

/// Every case of the file.
pub(super) fn all() -> Vec<Case> {
    let file = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/x509-limbo.json"));
    serde_json::from_str::<Limbo>(file).unwrap().testcases
}

impl Case {
    pub(super) fn expects_success(&self) -> bool {
        self.expected_result == "SUCCESS"
    }

    pub(super) fn is_about_servers(&self) -> bool {
        self.validation_kind == "SERVER"
    }

    /// When it is verified, in seconds since the epoch.
    pub(super) fn time(&self) -> u64 {
        let Some(text) = &self.validation_time else { return NOW };
        let time = humantime::parse_rfc3339(&text.replace("+00:00", "Z")).unwrap();
        time.duration_since(UNIX_EPOCH).unwrap().as_secs()
    }

    pub(super) fn chain(&self) -> Chain {
        Chain {
            trusted: certificates(&self.trusted_certs),
            sent: certificates(&self.untrusted_intermediates),
            leaf: certificate(&self.peer_certificate),
            crls: self
                .crls
                .iter()
                .map(|pem| CertificateRevocationListDer::from_pem_slice(pem.as_bytes()).unwrap())
                .collect(),
        }
    }
}

fn certificates(pems: &[String]) -> Vec<CertificateDer<'static>> {
    pems.iter().map(|pem| certificate(pem)).collect()
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}
