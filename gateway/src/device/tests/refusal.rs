//! Reasons, labels and alerts.

use std::collections::BTreeSet;

use rustls::{AlertDescription, Error};

use crate::device::refusal::Refusal;

#[test]
fn labels_are_unique_and_fit_a_metric() {
    let labels: BTreeSet<_> = Refusal::ALL.map(Refusal::label).into();
    assert_eq!(labels.len(), Refusal::ALL.len());
    for label in labels {
        assert!(label.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{label}");
    }
}

#[test]
fn rustls_sends_the_alert_that_the_reason_names() {
    for refusal in Refusal::ALL {
        let Error::InvalidCertificate(error) = refusal.tls_error() else { panic!("{refusal:?}") };
        assert_eq!(AlertDescription::from(error), refusal.alert(), "{refusal:?}");
    }
}

#[test]
fn alerts_are_those_of_the_tls_standard() {
    assert_eq!(Refusal::UnknownIssuer.alert(), AlertDescription::UnknownCA);
    assert_eq!(Refusal::Expired.alert(), AlertDescription::CertificateExpired);
    assert_eq!(Refusal::BadSignature.alert(), AlertDescription::BadCertificate);
    assert_eq!(Refusal::WrongPurpose.alert(), AlertDescription::UnsupportedCertificate);
}
