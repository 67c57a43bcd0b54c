//! DER, PEM and base64.

use super::support::{LIMIT, data};
use crate::device::revocation::EnvelopeError;
use crate::device::revocation::envelope::decode;

const DER: &[u8] = data!("openssl-rsa.crl");
const PEM: &[u8] = data!("openssl-rsa.pem");

#[test]
fn der_pem_and_bare_base64_give_the_same_octets() {
    assert_eq!(decode(DER, LIMIT).unwrap(), [DER.into()]);
    assert_eq!(decode(PEM, LIMIT).unwrap(), [DER.into()]);
    let armour = String::from_utf8(PEM.to_vec()).unwrap();
    let bare: String = armour.lines().filter(|line| !line.starts_with('-')).collect();
    assert_eq!(decode(bare.as_bytes(), LIMIT).unwrap(), [DER.into()]);
    assert_eq!(decode(format!("\r\n{bare}\r\n").as_bytes(), LIMIT).unwrap(), [DER.into()]);
    assert_eq!(decode(data!("cfssl-decimal.base64"), LIMIT).unwrap().len(), 1);
}

#[test]
fn pem_may_hold_several_and_text_between_them() {
    let other = data!("openssl-ed25519.pem");
    let bundle = [b"Certificate Revocation List (CRL):\n", PEM, b"and\n", other].concat();
    assert_eq!(decode(&bundle, LIMIT).unwrap(), [DER.into(), data!("openssl-ed25519.crl").into()]);
}

#[test]
fn what_holds_no_crl_is_refused_by_name() {
    let certificate = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    assert!(matches!(decode(certificate, LIMIT), Err(EnvelopeError::NoCrl)));
    let damaged = b"-----BEGIN X509 CRL-----\n!!!\n-----END X509 CRL-----\n";
    assert!(matches!(decode(damaged, LIMIT), Err(EnvelopeError::Pem(_))));
    let cut = &PEM[..PEM.len() / 2];
    assert!(matches!(decode(cut, LIMIT), Err(EnvelopeError::Pem(_))));
    for nothing in [&b""[..], b"\n", b"<html>404</html>", b"AAAA", &[0xff; 100]] {
        assert!(matches!(decode(nothing, LIMIT), Err(EnvelopeError::NotACrl)), "{nothing:?}");
    }
    assert!(matches!(decode(DER, 10), Err(EnvelopeError::TooLarge { most: 10, .. })));
}
