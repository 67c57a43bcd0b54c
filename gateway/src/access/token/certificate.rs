//! A certificate over a signing key, for verifiers that read keys from certificates. It vouches for nothing.

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256};
use rustls::pki_types::PrivatePkcs8KeyDer;

use super::key::{KeyError, Secret};

/// Longer than any key is honoured: it may be rotated once a year, and counts for another week.
const DAYS: i64 = 400;

/// The key in PEM, and a certificate over it, signed with itself, valid from `now`.
pub(super) fn over(pkcs8: &[u8], now: u64) -> Result<(Secret, String), KeyError> {
    let der = PrivatePkcs8KeyDer::from(pkcs8);
    let pair =
        KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_RSA_SHA256).map_err(|_| KeyError::Generate)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Fleetgate application tokens");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let begin =
        time::OffsetDateTime::from_unix_timestamp(now.cast_signed()).map_err(|_| KeyError::Generate)?;
    params.not_before = begin;
    params.not_after = begin.checked_add(time::Duration::days(DAYS)).ok_or(KeyError::Generate)?;
    let certificate = params.self_signed(&pair).map_err(|_| KeyError::Generate)?;
    Ok((Secret::new(pair.serialize_pem()), certificate.pem()))
}
