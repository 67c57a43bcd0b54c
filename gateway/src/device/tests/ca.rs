//! What may be uploaded as a CA.

use rustls::pki_types::CertificateDer;

use super::pki::{Ca, bundle, device_params};
use crate::device::ca::{CaBundle, CaError, CaRules};
use crate::model::ca::CaAlgorithms;

/// The same certificate as a version 1 one: without version and extensions. Its signature no longer fits.
fn version_1(der: &[u8]) -> CertificateDer<'static> {
    let (certificate, _) = element(der);
    let (tbs, rest) = element(certificate.1);
    let mut kept = Vec::new();
    let mut fields = tbs.1;
    while !fields.is_empty() {
        let (field, next) = element(fields);
        if !matches!(field.0, 0xa0 | 0xa3) {
            kept.extend(sequence(field.0, field.1));
        }
        fields = next;
    }
    sequence(0x30, &[sequence(0x30, &kept), rest.to_vec()].concat()).into()
}

/// Tag and content of the first DER element, and what follows it. Lengths up to 65535.
fn element(der: &[u8]) -> ((u8, &[u8]), &[u8]) {
    let (length, start) = match der[1] {
        0x81 => (usize::from(der[2]), 3),
        0x82 => (usize::from(der[2]) << 8 | usize::from(der[3]), 4),
        short => (usize::from(short), 2),
    };
    ((der[0], &der[start..start + length]), &der[start + length..])
}

fn sequence(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head = match content.len() {
        0..0x80 => vec![tag, length[1]],
        0x80..0x100 => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    [head, content.to_vec()].concat()
}

#[test]
fn self_issued_ones_are_anchors_and_the_others_intermediates() {
    let root = Ca::root("Root");
    let issuing = root.intermediate("Issuing");
    let split = |cas: &[&Ca]| {
        let bundle = bundle("test", cas.iter().copied());
        let anchors: Vec<_> = bundle.anchors.iter().map(|anchor| anchor.subject.clone()).collect();
        (anchors, bundle.intermediates.len())
    };
    assert_eq!(split(&[&issuing, &root]), (vec!["CN=Root".to_owned()], 1));
    assert_eq!(split(&[&root]), (vec!["CN=Root".to_owned()], 0));
    assert_eq!(split(&[&issuing]), (vec!["CN=Issuing".to_owned()], 0), "an intermediate alone is an anchor");
}

#[test]
fn what_is_no_ca_is_refused_by_position_and_subject() {
    let root = Ca::root("Root");
    let other = Ca::root("Other");
    let leaf = root.issue(&device_params("device")).der;
    let mut params = device_params("server");
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let server = root.issue(&params).der;
    let not_a_ca = |position, subject: &str| CaError::NotACa { position, subject: subject.into() };
    let cases = [
        (vec![leaf.clone()], not_a_ca(1, "CN=device")),
        (vec![root.der(), leaf], not_a_ca(2, "CN=device")),
        (vec![version_1(&root.der())], not_a_ca(1, "CN=Root")),
        (vec![root.der(), other.der(), CertificateDer::from(vec![5, 0])], CaError::Malformed { position: 3 }),
        (
            vec![root.der(), other.der(), root.der()],
            CaError::Duplicate { position: 3, subject: "CN=Root".into() },
        ),
        (vec![root.der(), server], CaError::Server { position: 2, subject: "CN=server".into() }),
        (vec![CertificateDer::from(vec![])], CaError::Malformed { position: 1 }),
    ];
    for (certificates, expected) in cases {
        assert_eq!(CaBundle::new("test", certificates, CaRules::default()).unwrap_err(), expected);
    }
    let message =
        CaBundle::new("test", vec![version_1(&root.der())], CaRules::default()).unwrap_err().to_string();
    assert_eq!(message, "certificate 1 (`CN=Root`) is not a CA: its Basic Constraints lack CA:TRUE");
}

#[test]
fn algorithms_beyond_the_document_can_be_switched_off() {
    let ed25519 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let root = super::pki::ca_params("Root").self_signed(&ed25519).unwrap().der().clone();
    let strict = CaRules { algorithms: CaAlgorithms::Cloudflare, ..CaRules::default() };
    assert!(CaBundle::new("test", vec![root.clone()], CaRules::default()).is_ok());
    let refused = CaBundle::new("test", vec![root], strict).unwrap_err();
    assert!(matches!(refused, CaError::Algorithm { position: 1, .. }), "{refused}");
    assert!(CaBundle::new("test", vec![Ca::root("P-256").der()], strict).is_ok());
}
