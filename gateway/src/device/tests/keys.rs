//! Keys that a proof of possession can be checked with, and those that it cannot.

use std::process::Command;

use rustls::pki_types::{CertificateDer, UnixTime};
use tempfile::TempDir;

use super::pki::trust;
use super::skip;
use crate::device::ca::{CaBundle, CaRules};
use crate::device::identity::Fingerprint;
use crate::device::refusal::Refusal;

fn openssl(folder: &TempDir, line: &str) {
    let output = Command::new("openssl").args(line.split(' ')).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_key_that_proves_nothing_here_is_refused_by_that_name() {
    if !skip::unless_installed("openssl") {
        return;
    }
    let folder = TempDir::new().unwrap();
    openssl(
        &folder,
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=Root -keyout ca.key -outform DER -out ca.der",
    );
    openssl(&folder, "x509 -inform DER -in ca.der -out ca.pem");
    let root = CertificateDer::from(std::fs::read(folder.path().join("ca.der")).unwrap());
    let set = trust([&CaBundle::new("test", vec![root], CaRules::default()).unwrap()]);
    std::fs::write(folder.path().join("ext"), "basicConstraints=CA:FALSE\n").unwrap();
    let cases = [
        ("rsa:2048", "", Ok(())),
        ("rsa:1024", "", Err(Refusal::UnsupportedKey)),
        ("ec", " -pkeyopt ec_paramgen_curve:P-521", Ok(())),
        ("ec", " -pkeyopt ec_paramgen_curve:secp256k1", Err(Refusal::UnsupportedKey)),
        ("ed25519", "", Ok(())),
        ("ed448", "", Err(Refusal::UnsupportedKey)),
    ];
    for (kind, options, expected) in cases {
        openssl(
            &folder,
            &format!("req -newkey {kind}{options} -nodes -subj /CN=device -keyout d.key -out d.csr"),
        );
        openssl(
            &folder,
            "x509 -req -in d.csr -CA ca.pem -CAkey ca.key -set_serial 7 -days 2 -extfile ext -outform DER -out d.der",
        );
        let leaf = CertificateDer::from(std::fs::read(folder.path().join("d.der")).unwrap());
        let verified = set.verify(&leaf, Fingerprint::of(&leaf), &[], UnixTime::now());
        assert_eq!(verified.map(drop), expected, "{kind}{options}");
    }
}
