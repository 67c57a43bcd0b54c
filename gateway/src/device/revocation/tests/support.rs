//! A writer of CRLs that can get everything wrong, and CAs that sign what it writes.

use std::sync::LazyLock;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, KeyUsagePurpose, SigningKey as _};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::SignatureVerificationAlgorithm;

use crate::device::identity::Fingerprint;
use crate::device::revocation::{Crl, Issuer, LeafFacts, ParsedCrl, Serial};

/// 2026-01-01, when CRLs here are made.
pub(super) const NOW: u64 = 1_767_225_600;
/// 2026-02-01, when they expire.
pub(super) const DUE: u64 = 1_769_904_000;

pub(super) const ECDSA_SHA256: &[u8] = &[0x30, 0x0a, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
pub(super) const LIMIT: usize = 64 << 20;

pub(super) fn algorithms() -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    default_provider().signature_verification_algorithms.all
}

/// Tag, length and the concatenation of `parts`.
pub(super) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut der = vec![tag];
    match content.len() {
        length @ 0..0x80 => der.push(u8::try_from(length).unwrap()),
        length => {
            let digits = length.to_be_bytes();
            let zeros = digits.iter().take_while(|digit| **digit == 0).count();
            der.push(0x80 | u8::try_from(digits.len() - zeros).unwrap());
            der.extend(&digits[zeros..]);
        }
    }
    der.extend(content);
    der
}

pub(super) fn utc(text: &str) -> Vec<u8> {
    tlv(0x17, &[text.as_bytes()])
}

/// An extension `2.5.29.{arc}`.
pub(super) fn extension(arc: u8, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { tlv(1, &[&[0xff]]) } else { Vec::new() };
    tlv(0x30, &[&[6, 3, 0x55, 0x1d, arc], &critical, &tlv(4, &[value])])
}

pub(super) fn crl_number(number: &[u8]) -> Vec<u8> {
    extension(20, false, &tlv(2, &[number]))
}

pub(super) fn key_id(id: &[u8]) -> Vec<u8> {
    extension(35, false, &tlv(0x30, &[&tlv(0x80, &[id])]))
}

/// An issuing distribution point with these fields.
pub(super) fn point(fields: &[&[u8]]) -> Vec<u8> {
    extension(28, true, &tlv(0x30, fields))
}

/// The `GeneralName` of a URI.
pub(in crate::device::revocation) fn uri(text: &str) -> Vec<u8> {
    tlv(0x86, &[text.as_bytes()])
}

pub(super) fn shard_point(at: &str) -> Vec<u8> {
    point(&[&tlv(0xa0, &[&tlv(0xa0, &[&uri(at)])])])
}

pub(super) fn flag(number: u8) -> Vec<u8> {
    tlv(0x80 | number, &[&[0xff]])
}

/// A revoked certificate. `extensions` are of the entry.
pub(super) fn entry(serial: &[u8], extensions: &[&[u8]]) -> Vec<u8> {
    let extensions = if extensions.is_empty() { Vec::new() } else { tlv(0x30, extensions) };
    tlv(0x30, &[&tlv(2, &[serial]), &utc("250101000000Z"), &extensions])
}

pub(super) fn reason(code: u8) -> Vec<u8> {
    extension(21, false, &[0x0a, 1, code])
}

/// A CRL to be.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) version: Vec<u8>,
    /// Inside of what is signed.
    pub(super) algorithm: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    pub(super) this_update: Vec<u8>,
    pub(super) next_update: Vec<u8>,
    /// `None` leaves the sequence out.
    pub(super) entries: Option<Vec<u8>>,
    pub(super) extensions: Vec<Vec<u8>>,
}

impl Draft {
    pub(super) fn of(ca: &Ca) -> Self {
        Self {
            version: vec![2, 1, 1],
            algorithm: ECDSA_SHA256.to_vec(),
            issuer: ca.issuer.subject.to_vec(),
            this_update: utc("260101000000Z"),
            next_update: utc("260201000000Z"),
            entries: None,
            extensions: Vec::new(),
        }
    }

    pub(super) fn revoking(mut self, serials: &[u8]) -> Self {
        self.entries = Some(serials.iter().flat_map(|serial| entry(&[*serial], &[])).collect());
        self
    }

    pub(super) fn entries(mut self, entries: &[Vec<u8>]) -> Self {
        self.entries = Some(entries.concat());
        self
    }

    pub(super) fn with(mut self, extension: Vec<u8>) -> Self {
        self.extensions.push(extension);
        self
    }

    pub(super) fn made(mut self, this_update: &str) -> Self {
        self.this_update = utc(this_update);
        self
    }

    pub(super) fn due(mut self, next_update: &str) -> Self {
        self.next_update = utc(next_update);
        self
    }

    pub(super) fn to_be_signed(&self) -> Vec<u8> {
        let entries = self.entries.as_ref().map_or_else(Vec::new, |entries| tlv(0x30, &[entries]));
        let extensions = match &self.extensions {
            none if none.is_empty() => Vec::new(),
            extensions => tlv(0xa0, &[&tlv(0x30, &[&extensions.concat()])]),
        };
        let Self { version, algorithm, issuer, this_update, next_update, .. } = self;
        tlv(0x30, &[version, algorithm, issuer, this_update, next_update, &entries, &extensions])
    }

    pub(super) fn signed_by(&self, ca: &Ca) -> Vec<u8> {
        let signed = self.to_be_signed();
        let signature = ca.key.sign(&signed).unwrap();
        assemble(&signed, ECDSA_SHA256, &signature)
    }

    /// What becomes of it: signed, parsed and verified.
    pub(super) fn crl(&self, ca: &Ca) -> Crl {
        let der = self.signed_by(ca);
        ParsedCrl::parse(&der, LIMIT).unwrap().verify([&ca.issuer], algorithms(), NOW).unwrap()
    }
}

pub(super) fn assemble(signed: &[u8], algorithm: &[u8], signature: &[u8]) -> Vec<u8> {
    tlv(0x30, &[signed, algorithm, &tlv(3, &[&[0], signature])])
}

/// A CA.
pub(super) struct Ca {
    pub(super) key: KeyPair,
    pub(super) params: CertificateParams,
    pub(super) der: Vec<u8>,
    pub(super) issuer: Issuer,
}

impl Ca {
    pub(super) fn new(name: &str) -> Self {
        Self::with_key(name, KeyPair::generate().unwrap())
    }

    pub(super) fn with_key(name: &str, key: KeyPair) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let der = params.self_signed(&key).unwrap().der().to_vec();
        let issuer = Issuer::read(&der).unwrap();
        Self { key, params, der, issuer }
    }

    /// The id of its key, as it is in its certificate.
    pub(super) fn key_id(&self) -> &[u8] {
        self.issuer.key_id.as_deref().unwrap()
    }
}

/// A leaf that nothing is known against.
pub(super) fn nobody() -> LeafFacts<'static> {
    static NAMES: LazyLock<[Box<str>; 1]> = LazyLock::new(|| ["device".into()]);
    LeafFacts { fingerprint: Fingerprint([1; 32]), key_sha256: [2; 32], common_names: &*NAMES }
}

pub(super) fn serial(octet: u8) -> Serial {
    Serial::new(&[octet]).unwrap()
}

macro_rules! data {
    ($name:literal) => {
        include_bytes!(concat!("data/", $name)).as_slice()
    };
}
pub(super) use data;
