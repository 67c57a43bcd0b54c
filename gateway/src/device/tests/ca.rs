//! What may be uploaded as a CA.

use rustls::pki_types::CertificateDer;

use rcgen::{CertificateParams, CustomExtension, DnType, GeneralSubtree, NameConstraints, SanType};

use super::pki::{Ca, bundle, ca_params, device_params, trust, verify};
use crate::device::ca::{CaBundle, CaError, CaRules, UnevaluatedNames};
use crate::device::refusal::{Refusal, now};
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
    let root = ca_params("Root").self_signed(&ed25519).unwrap().der().clone();
    let strict = CaRules { algorithms: CaAlgorithms::Cloudflare, ..CaRules::default() };
    assert!(CaBundle::new("test", vec![root.clone()], CaRules::default()).is_ok());
    let refused = CaBundle::new("test", vec![root], strict).unwrap_err();
    assert!(matches!(refused, CaError::Algorithm { position: 1, .. }), "{refused}");
    assert!(CaBundle::new("test", vec![Ca::root("P-256").der()], strict).is_ok());
}

/// The parameters of a CA with an extension whose content means nothing.
fn with_extension(name: &str, oid: &[u64], critical: bool) -> CertificateParams {
    let mut extension = CustomExtension::from_oid_content(oid, vec![0x30, 0]);
    extension.set_criticality(critical);
    let mut params = ca_params(name);
    params.custom_extensions = vec![extension];
    params
}

fn upload(cas: &[&Ca]) -> Result<CaBundle, CaError> {
    CaBundle::new("test", cas.iter().map(|ca| ca.der()).collect(), CaRules::default())
}

#[test]
fn a_critical_extension_that_nobody_processes_is_refused_by_name() {
    const MADE_UP: &[u64] = &[1, 2, 3, 4];
    const POLICY_CONSTRAINTS: &[u64] = &[2, 5, 29, 36];
    for (oid, text) in [(MADE_UP, "1.2.3.4"), (POLICY_CONSTRAINTS, "2.5.29.36")] {
        let root = Ca::root("Root");
        let odd = Ca::root_with(with_extension("Odd", oid, true));
        let refused = upload(&[&root, &odd]).unwrap_err();
        let expected = CaError::CriticalExtension { position: 2, subject: "CN=Odd".into(), oid: text.into() };
        assert_eq!(refused, expected);
        assert!(
            upload(&[&Ca::root_with(with_extension("Odd", oid, false))]).is_ok(),
            "{text} is not critical"
        );
    }
}

/// An anchor may have critical policies: without a demand for one, every policy is good. On a path webpki refuses them, so
/// that an intermediate with them would verify nobody.
#[test]
fn critical_policies_may_stand_in_an_anchor_and_nowhere_else() {
    let policies = || with_extension("Policies", &[2, 5, 29, 32], true);
    assert!(upload(&[&Ca::root_with(policies())]).is_ok());
    let root = Ca::root("Root");
    let intermediate = root.intermediate_with(policies());
    let refused = upload(&[&intermediate, &root]).unwrap_err();
    assert!(matches!(refused, CaError::CriticalExtension { position: 1, .. }), "{refused}");
    assert!(upload(&[&intermediate]).is_ok(), "alone it is an anchor");
}

/// What an operator is told of a CA, and what becomes of devices with and without a mail address.
fn constrained(subtrees: Vec<GeneralSubtree>) -> (Vec<UnevaluatedNames>, [Result<(), Refusal>; 2]) {
    let mut params = ca_params("Root");
    params.name_constraints =
        Some(NameConstraints { permitted_subtrees: subtrees, excluded_subtrees: vec![] });
    let ca = Ca::root_with(params);
    let bundle = upload(&[&ca]).unwrap();
    let told = bundle.uploaded[0].unevaluated_names.iter().copied().collect();
    let trust = trust([&bundle]);
    let outcomes = [None, Some("pump@example.com")].map(|address| {
        let mut params = device_params("device");
        params.subject_alt_names =
            address.map(|address| SanType::Rfc822Name(address.try_into().unwrap())).into_iter().collect();
        verify(&trust, &ca.issue(&params), &[], now()).map(drop)
    });
    (told, outcomes)
}

#[test]
fn what_is_told_of_name_constraints_is_what_becomes_of_devices() {
    let violated = || Err(Refusal::ConstraintViolation);
    let mut organisation = rcgen::DistinguishedName::new();
    organisation.push(DnType::OrganizationName, "Fleet");
    let directory = || GeneralSubtree::DirectoryName(organisation.clone());
    let mail = || GeneralSubtree::Rfc822Name("example.com".into());
    let dns = || GeneralSubtree::DnsName("example.com".into());
    assert_eq!(constrained(vec![dns()]), (vec![], [Ok(()), Ok(())]));
    assert_eq!(constrained(vec![mail()]), (vec![UnevaluatedNames::Email], [Ok(()), violated()]));
    assert_eq!(constrained(vec![directory()]), (vec![UnevaluatedNames::Directory], [violated(), violated()]));
    let both = vec![UnevaluatedNames::Directory, UnevaluatedNames::Email];
    assert_eq!(constrained(vec![mail(), dns(), directory()]).0, both);
}
