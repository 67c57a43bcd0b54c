//! Keys that sign CRLs in a CA's place: only where the CA let them, and under its name. `data/make-delegates.sh` says how
//! OpenSSL made the files.

use super::support::{LIMIT, NOW, algorithms, data, serial};
use crate::device::revocation::{Crl, DelegateError, Issuer, ParsedCrl, VerifyError};

fn cas() -> [Issuer; 2] {
    [data!("delegate-namesake.cer"), data!("delegate-ca.cer")].map(|der| Issuer::read(der).unwrap())
}

fn delegate(certificate: &[u8]) -> Result<Issuer, DelegateError> {
    Issuer::delegate(certificate, &cas()[1..], algorithms())
}

fn verify(crl: &[u8], signers: &[Issuer], now: u64) -> Result<Crl, VerifyError> {
    let [_, ca] = cas();
    ParsedCrl::parse(crl, LIMIT).unwrap().verify([&ca].into_iter().chain(signers), algorithms(), now)
}

#[test]
fn what_a_delegate_signs_is_the_cas_own_crl_and_without_leave_it_is_none() {
    let crl = data!("delegate-signer.crl");
    assert!(matches!(verify(crl, &[], NOW), Err(VerifyError::Delegated { .. })));
    let signer = delegate(data!("delegate-signer.cer")).unwrap();
    let crl = verify(crl, &[signer], NOW).unwrap();
    let [_, ca] = cas();
    assert_eq!((crl.issuer, &crl.issuer_name), (ca.id, &ca.name));
    assert!(crl.contains(&serial(10)));
}

/// Two CAs of one name: whose delegate it is, is who signed its certificate.
#[test]
fn a_delegate_signs_for_the_ca_that_issued_it() {
    let [namesake, ca] = cas();
    for (certificate, expected) in
        [(data!("delegate-signer.cer"), ca.id), (data!("delegate-foreign.cer"), namesake.id)]
    {
        assert_eq!(Issuer::delegate(certificate, &cas(), algorithms()).unwrap().id, expected);
    }
    let foreign = delegate(data!("delegate-foreign.cer")).unwrap_err();
    assert!(matches!(foreign, DelegateError::NotIssued { .. }), "{foreign}");
}

#[test]
fn who_was_not_given_the_right_has_it_not() {
    assert_eq!(delegate(data!("delegate-no-crl-sign.cer")).unwrap_err(), DelegateError::NotASigner);
    assert_eq!(delegate(b"").unwrap_err(), DelegateError::Malformed);
    let mut damaged = data!("delegate-signer.cer").to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    assert!(delegate(&damaged).is_err());
    // An algorithm that is not accepted is no signature.
    let unknown = Issuer::delegate(data!("delegate-signer.cer"), &cas(), &[]);
    assert!(matches!(unknown, Err(DelegateError::NotIssued { .. })));
    // Only its own key was given it.
    let signer = delegate(data!("delegate-signer.cer")).unwrap();
    assert!(matches!(
        verify(data!("delegate-foreign.crl"), &[signer], NOW),
        Err(VerifyError::Delegated { .. })
    ));
}

#[test]
fn a_delegate_whose_certificate_has_expired_signs_nothing_any_more() {
    let expired = [delegate(data!("delegate-expired.cer")).unwrap()];
    let result = verify(data!("delegate-expired.crl"), &expired, NOW);
    assert!(matches!(result, Err(VerifyError::DelegateOutOfDate { .. })), "{result:?}");
    // One that is good beside it does.
    let both = [expired[0].clone(), delegate(data!("delegate-signer.cer")).unwrap()];
    assert!(verify(data!("delegate-signer.crl"), &both, NOW).is_ok());
}

/// That list would be about the signer's certificates, and indirect for the CA's.
#[test]
fn a_list_in_the_name_of_its_signer_is_refused_by_name() {
    let signer = [delegate(data!("delegate-other-name.cer")).unwrap()];
    let error = verify(data!("delegate-other-name.crl"), &signer, NOW).unwrap_err();
    let expected =
        VerifyError::NamesItsSigner { issuer: "CN=CRL signer".into(), ca: "CN=Delegating CA".into() };
    assert_eq!(error, expected);
    assert!(error.to_string().contains("indirect CRLs are not applied"));
}
