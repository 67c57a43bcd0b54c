//! What holds of a file with CAs, whatever is in it.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleetgate::device::ca::{CaBundle, CaRules};
use fleetgate::device::identity::Fingerprint;
use fleetgate::device::pem::{certificates_in, private_key_in};
use fleetgate::device::trust::{Rules, TrustSet};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, UnixTime};

const CAS: [&[u8]; 3] = [
    include_bytes!("../../gateway/src/device/tests/data/population-roots.pem"),
    include_bytes!("../../gateway/src/device/tests/data/population-issuing.pem"),
    include_bytes!("../../gateway/src/device/revocation/tests/data/openssl-rsa.pem"),
];

/// Takes octets for a PEM file, as it is uploaded and as keys are read; and for the one certificate in one. Whether it
/// could be loaded.
pub(crate) fn check(octets: &[u8]) -> bool {
    let as_file = read(octets);
    read(&encode(&[octets.into()])) || as_file
}

/// Inputs to begin with.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let [roots, issuing, rsa] = CAS;
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let key = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    let mut seeds: Vec<Vec<u8>> = CAS.map(Vec::from).into();
    seeds.extend([
        [roots, issuing].concat(),
        [issuing, b"text\n", roots].concat(),
        [rsa, rsa].concat(),
        [key.as_bytes(), rsa].concat(),
        text(rsa).replace('\n', "\r\n").into(),
        text(rsa).replace('\n', "").into(),
        text(rsa).replace("CERTIFICATE", "TRUSTED CERTIFICATE").into(),
        text(rsa).replace("-----END", "----END").into(),
        [b"\xef\xbb\xbf", rsa].concat(),
        rsa[..rsa.len() / 2].to_vec(),
        b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".to_vec(),
        b"-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n".to_vec(),
        Vec::new(),
    ]);
    let ders = certificates_in(roots, Path::new("roots.pem")).into_iter().flatten();
    seeds.extend(ders.map(|der| der.to_vec()));
    seeds
}

fn read(file: &[u8]) -> bool {
    let path = Path::new("file.pem");
    let _ = private_key_in(file, path).map_err(|error| error.to_string());
    let Ok(certificates) = certificates_in(file, path).map_err(|error| error.to_string()) else {
        return false;
    };
    assert!(!certificates.is_empty(), "at least one, or it is refused");
    let again = certificates_in(&encode(&certificates), path);
    assert!(again.is_ok_and(|again| again == certificates), "what was read is what was written");
    load(certificates)
}

fn load(mut certificates: Vec<CertificateDer<'static>>) -> bool {
    let bundle = |certificates: &[_]| CaBundle::new("fuzz", certificates.to_vec(), CaRules::default());
    let trust = |bundle: &CaBundle| {
        TrustSet::new([bundle], default_provider().signature_verification_algorithms, Rules::default())
    };
    let Ok(loaded) = bundle(&certificates).map_err(|error| error.to_string()) else { return false };
    assert!(!loaded.anchors.is_empty(), "a CA that is loaded is trusted");
    assert_eq!(loaded.anchors.len() + loaded.intermediates.len(), certificates.len(), "all or nothing");
    let set = trust(&loaded);
    let now = UnixTime::since_unix_epoch(Duration::from_hours(500_000));
    for certificate in &certificates {
        let _ = set.verify(certificate, Fingerprint::of(certificate), &certificates, now);
    }
    certificates.reverse();
    let turned = bundle(&certificates).expect("the order means nothing");
    assert_eq!(trust(&turned).id(), set.id(), "the order means nothing");
    true
}

fn encode(certificates: &[CertificateDer<'_>]) -> Vec<u8> {
    let section = |der: &CertificateDer<'_>| {
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der))
    };
    certificates.iter().map(section).collect::<String>().into()
}
