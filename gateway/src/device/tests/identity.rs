//! What a certificate says, held against what `openssl` reads in it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DnType, DnValue, SerialNumber};

use super::pki::{Ca, DAY, Leaf, NOW, device_params, valid};
use super::skip;
use crate::device::identity::{Fingerprint, Identity};

fn read(leaf: &Leaf) -> Identity {
    Identity::read(&leaf.der, leaf.fingerprint()).unwrap()
}

/// A line of `openssl x509`, behind its label.
fn openssl(leaf: &Leaf, arguments: &[&str]) -> String {
    let mut child = Command::new("openssl")
        .args(["x509", "-inform", "DER", "-noout"])
        .args(arguments)
        .args(if arguments.contains(&"-nameopt") { &[][..] } else { &["-nameopt", "RFC2253,utf8,-esc_msb"] })
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&leaf.der).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_once('=').unwrap().1.trim().to_owned()
}

fn full_params() -> CertificateParams {
    let mut params = valid(device_params("James Royal"), NOW - DAY, NOW + DAY);
    params.distinguished_name.push(DnType::CountryName, "US");
    params.distinguished_name.push(DnType::LocalityName, "Zürich");
    params.distinguished_name.push(DnType::OrganizationName, "Access Testing");
    params
}

#[test]
fn subject_issuer_serial_and_fingerprint_are_those_that_openssl_reads() {
    if !skip::unless_installed("openssl") {
        return;
    }
    let root = Ca::root("Testing CA");
    for serial in [&[0x01][..], &[0x7f, 0x00], &[0x80], &[0xff; 20]] {
        let mut params = full_params();
        params.serial_number = Some(SerialNumber::from_slice(serial));
        let leaf = root.issue(&params);
        let identity = read(&leaf);
        assert_eq!(*identity.subject.rfc2253, *openssl(&leaf, &["-subject"]));
        assert_eq!(*identity.issuer.rfc2253, *openssl(&leaf, &["-issuer"]));
        let legacy = openssl(&leaf, &["-subject", "-nameopt", "compat"]);
        assert_eq!(*identity.subject.legacy, *legacy);
        let sha1 = openssl(&leaf, &["-fingerprint", "-sha1"]).replace(':', "").to_lowercase();
        assert_eq!(super::super::identity::hex(&identity.sha1, false), sha1);
        assert_eq!(identity.serial, openssl(&leaf, &["-serial"]));
        let fingerprint = openssl(&leaf, &["-fingerprint", "-sha256"]).replace(':', "").to_lowercase();
        assert_eq!(identity.sha256, fingerprint);
        assert_eq!(identity.fingerprint.hex(), fingerprint);
    }
}

#[test]
fn the_header_value_is_the_der_in_base64_without_line_breaks() {
    let leaf = Ca::root("Testing CA").issue(&full_params());
    let identity = read(&leaf);
    assert_eq!(STANDARD.decode(&identity.der_base64).unwrap(), leaf.der.as_ref());
    assert_eq!(identity.not_after, NOW + DAY);
}

#[test]
fn a_common_name_counts_only_where_there_is_exactly_one() {
    let root = Ca::root("Testing CA");
    let with = |names: &[DnValue]| {
        let mut params = device_params("");
        params.distinguished_name = rcgen::DistinguishedName::new();
        // rcgen keeps one value a type, and takes the same type by number for another.
        let types = [DnType::CommonName, DnType::CustomDnType(vec![2, 5, 4, 3])];
        types
            .into_iter()
            .zip(names)
            .for_each(|(kind, name)| params.distinguished_name.push(kind, name.clone()));
        read(&root.issue(&params)).common_name
    };
    let utf8 = |text: &str| DnValue::Utf8String(text.into());
    assert_eq!(with(&[]), None);
    assert_eq!(with(&[utf8("one"), utf8("two")]), None);
    assert_eq!(with(&[utf8("one"), utf8("one")]), None);
    assert_eq!(with(&[utf8("")]), Some("".into()));
    assert_eq!(with(&[utf8("Gerät 7")]), Some("Gerät 7".into()));
    assert_eq!(
        with(&[DnValue::PrintableString("James Royal".try_into().unwrap())]),
        Some("James Royal".into())
    );
}

/// A reader in C would stop at the NUL, and take `admin` for the name.
#[test]
fn a_nul_in_a_common_name_does_not_end_it() {
    let leaf = Ca::root("Testing CA").device("admin\0.attacker.example");
    assert_eq!(read(&leaf).common_name.as_deref(), Some("admin\0.attacker.example"));
}

#[test]
fn what_is_not_x509_has_no_identity() {
    for der in [&[][..], &[0x30, 0x00], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], b"-----BEGIN CERTIFICATE-----"]
    {
        assert!(Identity::read(der, Fingerprint::of(der)).is_err());
    }
}
