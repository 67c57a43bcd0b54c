use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{DistinguishedName, RootCertStore};

use super::*;

fn plan(key: KeyKind, intermediate: bool) -> Plan {
    Plan { devices: 2, hosts: vec!["iot.example.com".to_owned()], key, intermediate }
}

fn certificates(files: &[File], name: &str) -> Vec<CertificateDer<'static>> {
    let file = files.iter().find(|file| file.name == certificate_file(name)).unwrap();
    CertificateDer::pem_slice_iter(file.content.as_bytes()).map(Result::unwrap).collect()
}

fn verifies(files: &[File], name: &str) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(certificates(files, CA).remove(0)).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
    let hints: &[DistinguishedName] = verifier.root_hint_subjects();
    assert_eq!(hints.len(), 1);
    let chain = certificates(files, name);
    let (leaf, rest) = chain.split_first().unwrap();
    verifier.verify_client_cert(leaf, rest, UnixTime::now()).is_ok()
}

#[test]
fn devices_verify_with_the_root_and_the_stranger_does_not() {
    for (key, intermediate) in [(KeyKind::P256, false), (KeyKind::P256, true), (KeyKind::Rsa2048, true)] {
        let files = issue(&plan(key, intermediate)).unwrap();
        assert_eq!(certificates(&files, &device(0)).len(), 1 + usize::from(intermediate));
        assert!(verifies(&files, &device(0)) && verifies(&files, &device(1)), "{key:?} {intermediate}");
        assert!(!verifies(&files, STRANGER), "{key:?} {intermediate}");
    }
}

#[test]
fn what_holds_a_key_is_marked_secret() {
    let files = issue(&plan(KeyKind::P256, true)).unwrap();
    for file in files {
        assert_eq!(file.secret, file.content.contains("PRIVATE KEY"), "{}", file.name);
    }
}

#[test]
fn a_host_that_is_no_name_is_an_error_that_names_it() {
    let plan = Plan { hosts: vec!["bücher.example".to_owned()], ..plan(KeyKind::P256, false) };
    assert!(issue(&plan).unwrap_err().to_string().contains("bücher.example"));
}
