//! CRLs of a CA.

use fleetgate::device::identity::{Fingerprint, Identity as Read};
use rcgen::{
    CertificateRevocationListParams, CrlDistributionPoint, CrlIssuingDistributionPoint, KeyIdMethod, KeyPair,
    RevocationReason, RevokedCertParams, SerialNumber, date_time_ymd,
};

use rustls::pki_types::CertificateDer;

use super::{Ca, Identity, ca_params};

impl Ca {
    /// A CRL with this number, as DER, that revokes these and is due in the far future.
    pub fn crl(&self, number: u64, revoked: &[&Identity]) -> Vec<u8> {
        self.crl_due(number, revoked.iter().map(|identity| &identity.chain[0]), 2100)
    }

    /// The part of a CRL that lists those whose certificates say that they are listed at this URL. It revokes nobody.
    pub fn crl_shard(&self, number: u64, url: &str) -> Vec<u8> {
        let params = CertificateRevocationListParams {
            issuing_distribution_point: Some(CrlIssuingDistributionPoint {
                distribution_point: CrlDistributionPoint { uris: vec![url.to_owned()] },
                scope: None,
            }),
            ..params(number, 2100, vec![])
        };
        params.signed_by(&self.issuer).expect("a CRL").der().to_vec()
    }

    /// The same for CAs that it issued.
    pub fn crl_of_cas(&self, number: u64, revoked: &[&Self]) -> Vec<u8> {
        self.crl_due(number, revoked.iter().map(|ca| &ca.certificate), 2100)
    }

    /// One that was to be replaced at the beginning of 2020.
    pub fn expired_crl(&self, number: u64, revoked: &[&Identity]) -> Vec<u8> {
        self.crl_due(number, revoked.iter().map(|identity| &identity.chain[0]), 2020)
    }

    /// One that revokes these serial numbers, given in hexadecimal.
    pub fn crl_of_serials(&self, number: u64, hex: &[&str]) -> Vec<u8> {
        self.crl_of(number, hex.iter().map(|hex| from_hex(hex)), 2100)
    }

    /// A CA under this one whose certificate says where this one's CRL is.
    #[must_use]
    pub fn intermediate_with_crl_at(&self, name: &str, url: &str) -> Self {
        let (key, mut params) = (KeyPair::generate().expect("a key"), ca_params(name));
        params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![url.to_owned()] }];
        self.intermediate_by(params, key)
    }

    fn crl_due<'a>(
        &self,
        number: u64,
        revoked: impl Iterator<Item = &'a CertificateDer<'static>>,
        year: i32,
    ) -> Vec<u8> {
        self.crl_of(number, revoked.map(|certificate| serial(certificate)), year)
    }

    fn crl_of(&self, number: u64, revoked: impl Iterator<Item = SerialNumber>, year: i32) -> Vec<u8> {
        let entry = |serial_number| RevokedCertParams {
            serial_number,
            revocation_time: date_time_ymd(2019, 1, 1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        let params = params(number, year, revoked.map(entry).collect());
        params.signed_by(&self.issuer).expect("a CRL").der().to_vec()
    }
}

fn params(number: u64, year: i32, revoked: Vec<RevokedCertParams>) -> CertificateRevocationListParams {
    CertificateRevocationListParams {
        this_update: date_time_ymd(2019, 1, 1),
        next_update: date_time_ymd(year, 1, 1),
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs: revoked,
        key_identifier_method: KeyIdMethod::Sha256,
    }
}

fn serial(certificate: &CertificateDer<'_>) -> SerialNumber {
    from_hex(&Read::read(certificate, Fingerprint::of(certificate)).expect("a certificate").serial)
}

fn from_hex(hex: &str) -> SerialNumber {
    // An odd number of digits lacks a leading zero.
    let hex = "0".repeat(hex.len() % 2) + hex;
    let octets = hex.as_bytes().as_chunks::<2>().0.iter().map(|pair| {
        let pair = std::str::from_utf8(pair).expect("hexadecimal");
        u8::from_str_radix(pair, 16).expect("hexadecimal")
    });
    SerialNumber::from(octets.collect::<Vec<_>>())
}
