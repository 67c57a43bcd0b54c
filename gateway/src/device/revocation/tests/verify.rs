//! Who may sign a CRL, with what and when.

use rcgen::{
    CertificateRevocationListParams, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber, SigningKey as _,
};
use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};

use super::support::{Ca, DUE, Draft, LIMIT, NOW, algorithms, assemble, data, key_id, serial, tlv};
use crate::device::revocation::envelope::decode;
use crate::device::revocation::verify::CLOCK_SKEW;
use crate::device::revocation::{Crl, Issuer, ParsedCrl, VerifyError};

fn verify(der: &[u8], issuers: &[&Issuer]) -> Result<Crl, VerifyError> {
    ParsedCrl::parse(der, LIMIT).unwrap().verify(issuers.iter().copied(), algorithms(), NOW)
}

fn error(der: &[u8], issuers: &[&Issuer]) -> VerifyError {
    verify(der, issuers).expect_err("must be refused")
}

fn issuer(certificate: &[u8]) -> Issuer {
    Issuer::read(certificate).unwrap()
}

#[test]
fn it_accepts_what_openssl_signs() {
    for (ca, crl) in [
        (data!("rsa.cer"), data!("openssl-rsa.crl")),
        (data!("ecdsa.cer"), data!("openssl-ecdsa.crl")),
        (data!("ed25519.cer"), data!("openssl-ed25519.crl")),
        (data!("ecdsa.cer"), data!("openssl-v1.crl")),
        (data!("ecdsa.cer"), data!("openssl-user_shard.crl")),
    ] {
        let ca = issuer(ca);
        let crl = verify(crl, &[&issuer(data!("cfssl.cer")), &ca]).unwrap();
        assert_eq!((crl.issuer, &crl.issuer_name, crl.len()), (ca.id, &ca.name, 9));
        assert!(crl.contains(&"80FF".parse().unwrap()) && !crl.contains(&serial(2)));
    }
    assert!(verify(data!("openssl-empty.crl"), &[&issuer(data!("ecdsa.cer"))]).unwrap().is_empty());
}

#[test]
fn it_accepts_what_cfssl_signs_also_where_it_wrote_the_name_anew() {
    for (ca, file) in
        [(data!("cfssl.cer"), data!("cfssl-decimal.base64")), (data!("utf8.cer"), data!("cfssl-utf8.base64"))]
    {
        let der = decode(file, LIMIT).unwrap().remove(0);
        let parsed = ParsedCrl::parse(&der, LIMIT).unwrap();
        let crl = parsed.verify([&issuer(ca)], algorithms(), parsed.this_update).unwrap();
        assert_eq!((crl.len(), crl.number), (1, None));
    }
    let der = decode(data!("cfssl-order.base64"), LIMIT).unwrap().remove(0);
    let parsed = ParsedCrl::parse(&der, LIMIT).unwrap();
    let error = parsed.verify([&issuer(data!("order.cer"))], algorithms(), parsed.this_update).unwrap_err();
    assert!(matches!(&error, VerifyError::NameDiffers { .. }), "{error}");
}

#[test]
fn it_accepts_what_rcgen_signs() {
    let ca = Ca::new("CA");
    let params = CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2026, 1, 1),
        next_update: rcgen::date_time_ymd(2026, 2, 1),
        crl_number: SerialNumber::from(7),
        issuing_distribution_point: None,
        revoked_certs: vec![RevokedCertParams {
            serial_number: SerialNumber::from(200),
            revocation_time: rcgen::date_time_ymd(2025, 6, 1),
            reason_code: Some(rcgen::RevocationReason::KeyCompromise),
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let crl = params.signed_by(&rcgen::Issuer::from_params(&ca.params, &ca.key)).unwrap();
    let crl = verify(crl.der(), &[&ca.issuer]).unwrap();
    assert!(crl.contains(&"C8".parse().unwrap()));
    assert_eq!((crl.this_update, crl.next_update), (NOW, Some(DUE)));
}

#[test]
fn any_change_to_what_is_signed_is_refused() {
    let ca = Ca::new("CA");
    let der = Draft::of(&ca).revoking(&[1, 2]).signed_by(&ca);
    let issuers = [ca.issuer];
    for place in 0..der.len() {
        let mut changed = der.clone();
        changed[place] ^= 1;
        let result = ParsedCrl::parse(&changed, LIMIT).map(|crl| crl.verify(&issuers, algorithms(), NOW));
        assert!(!matches!(result, Ok(Ok(_))), "octet {place}");
    }
}

#[test]
fn only_the_ca_itself_signs_its_crl() {
    let ca = Ca::new("CA");
    let namesake = Ca::new("CA");
    let other = Ca::new("Other");
    let name = || "CN=CA".to_owned();
    let draft = Draft::of(&ca).revoking(&[1]);

    assert_eq!(error(&draft.signed_by(&ca), &[&other.issuer]), VerifyError::UnknownIssuer { issuer: name() });
    assert_eq!(error(&draft.signed_by(&ca), &[]), VerifyError::UnknownIssuer { issuer: name() });
    assert_eq!(error(&draft.signed_by(&other), &[&ca.issuer]), VerifyError::BadSignature { issuer: name() });

    // A delegated issuer: the CA's name, but a key of its own.
    let delegated = draft.clone().with(key_id(other.key_id())).signed_by(&other);
    assert!(matches!(error(&delegated, &[&ca.issuer]), VerifyError::Delegated { .. }));
    // Also where that key is trusted for something else.
    assert!(matches!(error(&delegated, &[&ca.issuer, &other.issuer]), VerifyError::Delegated { .. }));

    // Two CAs of one name: the one that signed is the one whose devices are meant.
    for key_id_of in [None, Some(namesake.key_id())] {
        let draft = key_id_of.map_or(draft.clone(), |id| draft.clone().with(key_id(id)));
        let crl = verify(&draft.signed_by(&namesake), &[&ca.issuer, &namesake.issuer]).unwrap();
        assert_eq!(crl.issuer, namesake.issuer.id);
    }
}

#[test]
fn a_ca_without_crl_sign_signs_none() {
    let ca = issuer(data!("ecdsa-no-crl-sign.cer"));
    assert!(matches!(error(data!("openssl-ecdsa.crl"), &[&ca]), VerifyError::NotASigner { .. }));
    // The same CA with a certificate that allows it.
    assert!(verify(data!("openssl-ecdsa.crl"), &[&ca, &issuer(data!("ecdsa.cer"))]).is_ok());
    // Without key usage, anything goes (RFC 5280, 4.2.1.3).
    let key = KeyPair::generate().unwrap();
    let mut params = Ca::new("CA").params;
    params.key_usages.clear();
    let free = issuer(params.self_signed(&key).unwrap().der());
    let der = Draft { issuer: free.subject.to_vec(), ..Draft::of(&Ca::new("CA")) };
    let signed = der.to_be_signed();
    let der = assemble(&signed, super::support::ECDSA_SHA256, &key.sign(&signed).unwrap());
    assert!(verify(&der, &[&free]).is_ok());
}

/// Believes every SHA-1 signature by an RSA key.
#[derive(Debug)]
struct CredulousSha1;

impl SignatureVerificationAlgorithm for CredulousSha1 {
    fn verify_signature(&self, _: &[u8], _: &[u8], _: &[u8]) -> Result<(), InvalidSignature> {
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        AlgorithmIdentifier::from_slice(&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5, 5, 0])
    }
}

#[test]
fn sha1_is_refused_unless_it_is_on_the_list() {
    let ca = issuer(data!("rsa.cer"));
    let error = error(data!("openssl-sha1.crl"), &[&ca]);
    assert!(
        matches!(&error, VerifyError::Algorithm { algorithm, .. } if algorithm == "1.2.840.113549.1.1.5")
    );
    assert!(error.to_string().contains("allow_sha1"));
    let parsed = ParsedCrl::parse(data!("openssl-sha1.crl"), LIMIT).unwrap();
    assert!(parsed.verify([&ca], &[&CredulousSha1], NOW).is_ok());
    assert!(parsed.verify([&ca], &[], NOW).is_err());
}

#[test]
fn a_key_of_another_kind_verifies_nothing() {
    let ca = Ca::new("CA");
    let mut confused = issuer(data!("rsa.cer"));
    confused.subject = ca.issuer.subject.clone();
    confused.key_id = None;
    let der = Draft::of(&ca).signed_by(&ca);
    assert!(matches!(error(&der, &[&confused]), VerifyError::BadSignature { .. }));

    // Nor is an algorithm asked that is for keys of another kind, whatever it would say.
    let mut confused = issuer(data!("rsa.cer"));
    confused.key_algorithm = ca.issuer.key_algorithm;
    let parsed = ParsedCrl::parse(data!("openssl-sha1.crl"), LIMIT).unwrap();
    assert!(matches!(
        parsed.verify([&confused], &[&CredulousSha1], NOW),
        Err(VerifyError::BadSignature { .. })
    ));
}

#[test]
fn dates_must_be_possible() {
    let ca = Ca::new("CA");
    let at = |draft: Draft, now| {
        let der = draft.signed_by(&ca);
        ParsedCrl::parse(&der, LIMIT)
            .unwrap()
            .verify([&ca.issuer], algorithms(), now)
            .map(|crl| crl.is_expired(now))
    };
    let draft = || Draft::of(&ca);
    assert_eq!(at(draft(), NOW - CLOCK_SKEW), Ok(false));
    assert!(matches!(
        at(draft(), NOW - CLOCK_SKEW - 1),
        Err(VerifyError::NotYetValid { this_update: NOW, .. })
    ));
    assert_eq!(at(draft(), DUE), Ok(false));
    assert_eq!(at(draft(), DUE + 1), Ok(true), "what it lists is still worth knowing");
    assert_eq!(at(Draft { next_update: vec![], ..draft() }, u64::MAX), Ok(false));
    assert!(matches!(at(draft().due("251231235959Z"), NOW), Err(VerifyError::DatesReversed { .. })));
    let far = Draft { this_update: tlv(0x18, &[b"99991231235959Z"]), next_update: vec![], ..draft() };
    assert!(at(far, NOW).unwrap_err().to_string().contains("9999-12-31"));
}
