//! What `TrustSet::verify` accepts, and what it says of the rest.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    NameConstraints, SanType,
};
use rustls::pki_types::{CertificateDer, UnixTime};

use super::pki::{Ca, DAY, NOW, bundle, ca_params, device_params, trust, valid, verify};
use crate::device::ca::{CaBundle, CaError, CaRules};
use crate::device::identity::Fingerprint;
use crate::device::refusal::Refusal;

fn with_path_len(name: &str, most: u8) -> CertificateParams {
    let mut params = ca_params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(most));
    params
}

fn with_purposes(purposes: &[ExtendedKeyUsagePurpose]) -> CertificateParams {
    let mut params = device_params("device");
    params.extended_key_usages = purposes.to_vec();
    params
}

#[test]
fn every_way_that_a_chain_can_reach_an_anchor_verifies() {
    let root = Ca::root("Root");
    let issuing = root.intermediate("Issuing");
    let (direct, indirect) = (root.device("device"), issuing.device("device"));
    let with_intermediate = bundle("test", [&issuing, &root]);
    let cases = [
        ("issued by the root", root.bundle(), &direct, vec![]),
        ("intermediate sent", root.bundle(), &indirect, vec![&issuing]),
        ("intermediate and root sent", root.bundle(), &indirect, vec![&issuing, &root]),
        ("intermediate only in the bundle", with_intermediate, &indirect, vec![]),
        ("intermediate alone is the anchor", issuing.bundle(), &indirect, vec![]),
        ("intermediate is the anchor, and sent as well", issuing.bundle(), &indirect, vec![&issuing]),
    ];
    for (case, bundle, leaf, sent) in cases {
        let verified = verify(&trust([&bundle]), leaf, &sent, NOW)
            .unwrap_or_else(|refusal| panic!("{case}: {refusal:?}"));
        assert_eq!(verified.identity.fingerprint, leaf.fingerprint(), "{case}");
        assert_eq!(verified.identity.common_name.as_deref(), Some("device"), "{case}");
        assert_eq!(&*verified.anchor, "test", "{case}");
        let presented: Vec<_> =
            std::iter::once(leaf.der.clone()).chain(sent.iter().map(|ca| ca.der())).map(Arc::new).collect();
        assert_eq!(*verified.chain, *presented, "{case}");
    }
}

#[test]
fn a_chain_that_does_not_reach_an_anchor_is_refused() {
    let root = Ca::root("Root");
    let issuing = root.intermediate("Issuing");
    let stranger = Ca::root("Stranger");
    let namesake = Ca::root("Root");
    let device = issuing.device("device");
    let cases = [
        ("the empty set", trust([]), &device, vec![&issuing, &root], Refusal::UnknownIssuer),
        ("intermediate nowhere", trust([&root.bundle()]), &device, vec![], Refusal::UnknownIssuer),
        ("another CA", trust([&stranger.bundle()]), &device, vec![&issuing, &root], Refusal::UnknownIssuer),
        (
            "another CA's intermediate is the anchor",
            trust([&issuing.bundle()]),
            &root.device("device"),
            vec![&root],
            Refusal::UnknownIssuer,
        ),
        (
            "another CA of the same name",
            trust([&namesake.bundle()]),
            &root.device("device"),
            vec![],
            Refusal::BadSignature,
        ),
    ];
    for (case, trust, leaf, sent, refusal) in cases {
        assert_eq!(verify(&trust, leaf, &sent, NOW).unwrap_err(), refusal, "{case}");
    }
}

#[test]
fn every_date_on_the_path_counts_to_the_second() {
    let root = || valid(ca_params("Root"), NOW - 9 * DAY, NOW + 9 * DAY);
    let limited = |params| valid(params, NOW - DAY, NOW + DAY);
    let (before, after) = (NOW - DAY - 1, NOW + DAY + 1);

    let ca = Ca::root_with(root());
    let leaf = ca.issue(&limited(device_params("device")));
    let leaf_case = ("leaf", trust([&ca.bundle()]), leaf, [Refusal::NotYetValid, Refusal::Expired]);

    let issuing = ca.intermediate_with(limited(ca_params("Issuing")));
    let bundles = bundle("test", [&issuing, &ca]);
    let intermediate_case = (
        "intermediate",
        trust([&bundles]),
        issuing.device("device"),
        [Refusal::NotYetValid, Refusal::Expired],
    );

    let young = Ca::root_with(limited(ca_params("Root")));
    let anchor_case = (
        "anchor",
        trust([&young.bundle()]),
        young.device("device"),
        [Refusal::AnchorExpired, Refusal::AnchorExpired],
    );

    for (case, trust, leaf, [early, late]) in [leaf_case, intermediate_case, anchor_case] {
        assert_eq!(verify(&trust, &leaf, &[], before).unwrap_err(), early, "{case}");
        for at in [before + 1, NOW, after - 1] {
            assert!(verify(&trust, &leaf, &[], at).is_ok(), "{case} at {at}");
        }
        assert_eq!(verify(&trust, &leaf, &[], after).unwrap_err(), late, "{case}");
    }
}

#[test]
fn an_expired_anchor_is_blamed_only_for_its_own_devices() {
    let old = Ca::root_with(valid(ca_params("Old"), NOW - 9 * DAY, NOW - DAY));
    let good = Ca::root("Good");
    let trust = trust([&old.bundle(), &good.bundle()]);
    assert_eq!(verify(&trust, &old.device("device"), &[], NOW).unwrap_err(), Refusal::AnchorExpired);
    assert_eq!(
        verify(&trust, &Ca::root("Stranger").device("device"), &[], NOW).unwrap_err(),
        Refusal::UnknownIssuer
    );
    assert!(verify(&trust, &good.device("device"), &[], NOW).is_ok());
}

#[test]
fn a_renewed_anchor_takes_over_from_the_expired_one() {
    let old = Ca::root_with(valid(ca_params("Root"), NOW - 9 * DAY, NOW - DAY));
    let renewed = Ca::renewed(valid(ca_params("Root"), NOW - 2 * DAY, NOW + 9 * DAY), old.key());
    let both = bundle("test", [&old, &renewed]);
    let device = old.issue(&valid(device_params("device"), NOW - DAY, NOW + 30 * DAY));
    assert_eq!(verify(&trust([&both]), &device, &[], NOW).unwrap().expires_at, NOW + 9 * DAY);
    assert_eq!(verify(&trust([&old.bundle()]), &device, &[], NOW).unwrap_err(), Refusal::AnchorExpired);
}

#[test]
fn expires_at_is_the_first_end_on_the_path_wherever_it_is() {
    let ends = |root: u64, issuing: u64, leaf: u64| {
        let ca = Ca::root_with(valid(ca_params("Root"), 0, NOW + root * DAY));
        let below = ca.intermediate_with(valid(ca_params("Issuing"), 0, NOW + issuing * DAY));
        let device = below.issue(&valid(device_params("device"), 0, NOW + leaf * DAY));
        verify(&trust([&ca.bundle()]), &device, &[&below], NOW).unwrap()
    };
    for (case, days) in [("leaf", (3, 2, 1)), ("intermediate", (3, 1, 2)), ("anchor", (1, 3, 2))] {
        let verified = ends(days.0, days.1, days.2);
        assert_eq!(verified.expires_at, NOW + DAY, "{case}");
        assert!(verified.is_live(NOW + DAY) && !verified.is_live(NOW + DAY + 1), "{case}");
    }
}

#[test]
fn a_purpose_is_absent_or_includes_client_authentication() {
    use ExtendedKeyUsagePurpose::{Any, ClientAuth, CodeSigning, ServerAuth};
    let root = Ca::root("Root");
    let trust = trust([&root.bundle()]);
    let cases: [(&[ExtendedKeyUsagePurpose], Result<(), Refusal>); 5] = [
        (&[], Ok(())),
        (&[ClientAuth], Ok(())),
        (&[ServerAuth, ClientAuth], Ok(())),
        (&[ServerAuth], Err(Refusal::WrongPurpose)),
        (&[CodeSigning, Any], Err(Refusal::WrongPurpose)),
    ];
    for (purposes, expected) in cases {
        let found = verify(&trust, &root.issue(&with_purposes(purposes)), &[], NOW).map(drop);
        assert_eq!(found, expected, "{purposes:?}");
    }
}

#[test]
fn the_purpose_of_an_intermediate_counts_too() {
    let root = Ca::root("Root");
    let mut params = ca_params("Servers only");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let issuing = root.intermediate_with(params);
    let found = verify(&trust([&root.bundle()]), &issuing.device("device"), &[&issuing], NOW);
    assert_eq!(found.unwrap_err(), Refusal::WrongPurpose);
}

#[test]
fn a_ca_is_no_device_and_a_device_is_no_ca() {
    let root = Ca::root("Root");
    let trust = trust([&root.bundle()]);
    let mut params = device_params("device");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert_eq!(verify(&trust, &root.issue(&params), &[], NOW).unwrap_err(), Refusal::ConstraintViolation);

    let not_a_ca = root.intermediate_with(device_params("device"));
    let found = verify(&trust, &not_a_ca.device("impostor"), &[&not_a_ca], NOW);
    assert_eq!(found.unwrap_err(), Refusal::ConstraintViolation);
}

#[test]
fn path_lengths_count_the_anchors_own_included() {
    let free = Ca::root("Root");
    let tight = Ca::root_with(with_path_len("Root", 0));
    let roomy = Ca::root_with(with_path_len("Root", 1));
    let issuing = free.intermediate_with(with_path_len("Issuing", 0));
    let below_issuing = issuing.intermediate("Below");
    let (below_tight, below_roomy) = (tight.intermediate("Issuing"), roomy.intermediate("Issuing"));
    let two_below_roomy = below_roomy.intermediate("Below");
    let violated = Err(Refusal::ConstraintViolation);
    let cases = [
        ("an intermediate's, kept", &free, issuing.device("device"), vec![&issuing], Ok(())),
        (
            "an intermediate's, violated",
            &free,
            below_issuing.device("device"),
            vec![&below_issuing, &issuing],
            violated,
        ),
        ("the anchor's 0, kept", &tight, tight.device("device"), vec![], Ok(())),
        ("the anchor's 0, violated", &tight, below_tight.device("device"), vec![&below_tight], violated),
        ("the anchor's 1, kept", &roomy, below_roomy.device("device"), vec![&below_roomy], Ok(())),
        (
            "the anchor's 1, violated",
            &roomy,
            two_below_roomy.device("device"),
            vec![&two_below_roomy, &below_roomy],
            violated,
        ),
    ];
    for (case, anchor, leaf, sent, expected) in cases {
        assert_eq!(verify(&trust([&anchor.bundle()]), &leaf, &sent, NOW).map(drop), expected, "{case}");
    }
}

#[test]
fn the_name_constraints_of_an_anchor_count() {
    let mut params = ca_params("Root");
    let permitted_subtrees = vec![GeneralSubtree::DnsName("example.com".into())];
    params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: vec![] });
    let root = Ca::root_with(params);
    let named = |name: &str| {
        let mut params = device_params("device");
        params.subject_alt_names = vec![SanType::DnsName(name.try_into().unwrap())];
        root.issue(&params)
    };
    let trust = trust([&root.bundle()]);
    assert!(verify(&trust, &named("a.example.com"), &[], NOW).is_ok());
    assert_eq!(verify(&trust, &named("a.example.org"), &[], NOW).unwrap_err(), Refusal::ConstraintViolation);
}

#[test]
fn a_critical_extension_that_nobody_understands_refuses() {
    let root = Ca::root("Root");
    let with = |critical| {
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
        extension.set_criticality(critical);
        let mut params = device_params("device");
        params.custom_extensions = vec![extension];
        root.issue(&params)
    };
    let trust = trust([&root.bundle()]);
    assert_eq!(verify(&trust, &with(true), &[], NOW).unwrap_err(), Refusal::UnhandledCriticalExtension);
    assert!(verify(&trust, &with(false), &[], NOW).is_ok());
}

#[test]
fn no_byte_of_a_leaf_can_be_changed() {
    let root = Ca::root("Root");
    let trust = trust([&root.bundle()]);
    let leaf = root.device("device");
    for index in 0..leaf.der.len() {
        let mut tampered = leaf.der.to_vec();
        tampered[index] ^= 0x01;
        let tampered = CertificateDer::from(tampered);
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(NOW));
        let found = trust.verify(&tampered, Fingerprint::of(&tampered), &[], now);
        assert!(found.is_err(), "byte {index} of {}", leaf.der.len());
    }
    let mut tampered = leaf.der.to_vec();
    *tampered.last_mut().unwrap() ^= 0x01;
    let tampered = CertificateDer::from(tampered);
    let found = trust.verify(&tampered, Fingerprint::of(&tampered), &[], UnixTime::now());
    assert_eq!(found.unwrap_err(), Refusal::BadSignature);
}

#[test]
fn what_is_not_a_certificate_is_refused_wherever_it_stands() {
    let root = Ca::root("Root");
    let trust = trust([&root.bundle()]);
    let leaf = root.device("device");
    let trailing: Vec<u8> = leaf.der.iter().copied().chain([0]).collect();
    let truncated = leaf.der[..leaf.der.len() - 1].to_vec();
    for (case, der) in [
        ("nothing", vec![]),
        ("noise", vec![0xff; 64]),
        ("a null", vec![5, 0]),
        ("trailing", trailing),
        ("truncated", truncated),
    ] {
        let der = CertificateDer::from(der);
        let found = trust.verify(&der, Fingerprint::of(&der), &[], UnixTime::now());
        assert_eq!(found.unwrap_err(), Refusal::BadEncoding, "{case}");
    }
    // Noise behind a good leaf is passed over, as an unrelated certificate would be.
    let noise = [CertificateDer::from(vec![0xff; 64])];
    assert!(trust.verify(&leaf.der, leaf.fingerprint(), &noise, UnixTime::now()).is_ok());
}

#[test]
fn two_anchors_vouch_each_under_its_own_name() {
    let (a, b) = (Ca::root("A"), Ca::root("B"));
    let trust = trust([&bundle("first", [&a]), &bundle("second", [&b])]);
    assert_eq!(&*verify(&trust, &a.device("device"), &[], NOW).unwrap().anchor, "first");
    assert_eq!(&*verify(&trust, &b.device("device"), &[], NOW).unwrap().anchor, "second");
}

/// A CA of another purpose, for signing CRLs say, does not make devices: neither as what it sends nor as what is uploaded.
#[test]
fn a_ca_whose_key_usage_forbids_it_to_issue_does_not_vouch_for_devices() {
    let crl_signer = |name| {
        let mut params = ca_params(name);
        params.key_usages = vec![rcgen::KeyUsagePurpose::CrlSign];
        params
    };
    let root = Ca::root("Root");
    let issuing = root.intermediate_with(crl_signer("Issuing"));
    let refused = verify(&trust([&root.bundle()]), &issuing.device("device"), &[&issuing], NOW);
    assert_eq!(refused.unwrap_err(), Refusal::ConstraintViolation);
    let uploaded = CaBundle::new("test", vec![Ca::root_with(crl_signer("Root")).der()], CaRules::default());
    assert!(matches!(uploaded.unwrap_err(), CaError::MayNotIssue { position: 1, .. }));
}
