use std::time::Duration;

use clap::ValueEnum as _;
use rustls::pki_types::CertificateDer;

use super::*;
use crate::device::refusal::now;
use crate::pki::profile::{PathLength, Validity};
use crate::pki::request::{Request, RequestError, request};
use crate::pki::verify::Trial;
use crate::pki::{Key, KeyKind, pem};

fn validity() -> Validity {
    Validity::starting(OffsetDateTime::now_utc(), Validity::DEVICE)
}

fn subject(parts: &str, name: &str) -> Subject {
    Subject { name: Name::parse(Some(parts), name).unwrap(), hosts: Vec::new() }
}

fn root_of(kind: KeyKind, length: PathLength) -> Authority {
    let key = Key::generate(kind).unwrap();
    Authority::root(&subject("O=Example", "Root"), &Profile::ca(length, validity()), Box::new(key)).unwrap()
}

fn root() -> Authority {
    root_of(KeyKind::P256, PathLength(None))
}

fn device(ca: &Authority) -> CertificateDer<'static> {
    let key = Key::generate(KeyKind::P256).unwrap();
    ca.issue(&subject("O=Example", "device"), &key, &Profile::device(validity())).unwrap()
}

fn below(ca: &Authority, length: PathLength) -> Result<Authority, AuthorityError> {
    let key = Key::generate(KeyKind::P256).unwrap();
    let profile = Profile::ca(length, validity());
    let der = ca.issue(&subject("O=Example", "Issuing"), &key, &profile)?;
    Authority::new(der, Box::new(key))
}

fn verifies(root: &Authority, chain: &[CertificateDer<'_>]) -> bool {
    Trial::new(vec![root.certificate().clone()]).unwrap().device(chain, now()).is_ok()
}

#[test]
fn a_device_of_a_ca_with_any_key_verifies() {
    for kind in KeyKind::value_variants() {
        if !matches!(kind, KeyKind::Rsa3072 | KeyKind::Rsa4096) {
            let root = root_of(*kind, PathLength(None));
            assert!(verifies(&root, &[device(&root)]), "{kind}");
        }
    }
}

#[test]
fn a_device_of_a_ca_with_any_name_verifies() {
    let names = [
        Name::parse(Some("DC=com,DC=example,OU=a,OU=b"), "CA").unwrap(),
        Name::new([(crate::pki::name::Attribute::Unit, vec!["one", "two"])]),
        Name::parse(Some("emailAddress=ca@example.com,L=Zürich"), "CA").unwrap(),
    ];
    for name in names {
        let key = Key::generate(KeyKind::P256).unwrap();
        let profile = Profile::ca(PathLength(None), validity());
        let shown = name.to_string();
        let root = Authority::root(&Subject { name, hosts: vec![] }, &profile, Box::new(key)).unwrap();
        let device = device(&root);
        let (_, parsed) = X509Certificate::from_der(&device).unwrap();
        assert_eq!(parsed.issuer().as_raw(), root.name().der(), "{shown}");
        assert!(verifies(&root, &[device]), "{shown}");
    }
}

#[test]
fn path_lengths_are_kept() {
    let root = root_of(KeyKind::P256, PathLength(Some(1)));
    let issuing = below(&root, PathLength(Some(0))).unwrap();
    assert!(verifies(&root, &[device(&issuing), issuing.certificate().clone()]));
    for (ca, length) in [(&root, Some(1)), (&root, None), (&issuing, Some(0)), (&issuing, None)] {
        let error = below(ca, PathLength(length)).unwrap_err();
        assert!(matches!(error, AuthorityError::PathLength { .. }), "{length:?}: {error}");
    }
}

#[test]
fn a_certificate_says_what_it_is_for_and_who_signed_it() {
    let root = root();
    let hosts =
        ["iot.example.com", "192.0.2.7", "a@example.com", "urn:x:y"].map(|host| Host::parse(host).unwrap());
    let server = Subject { name: Name::parse(None, "iot.example.com").unwrap(), hosts: hosts.to_vec() };
    let profile = Profile {
        crl_url: Some("http://crl.example/a.crl".to_owned()),
        ocsp_url: Some("http://ocsp.example/".to_owned()),
        issuer_urls: vec!["http://ca.example/ca.cer".to_owned()],
        ocsp_no_check: true,
        ..Profile::server(validity())
    };
    let der = root.issue(&server, &Key::generate(KeyKind::P256).unwrap(), &profile).unwrap();
    let (_, parsed) = X509Certificate::from_der(&der).unwrap();
    let names = &parsed.subject_alternative_name().unwrap().unwrap().value.general_names;
    assert_eq!(names.len(), 4);
    assert!(!parsed.is_ca() && parsed.basic_constraints().unwrap().unwrap().critical);
    let purposes = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(purposes.server_auth && !purposes.client_auth);
    let identity =
        crate::device::identity::Identity::read(&der, crate::device::identity::Fingerprint::of(&der))
            .unwrap();
    let ids: Vec<_> = parsed.iter_extensions().map(|extension| extension.oid.to_id_string()).collect();
    for oid in ["2.5.29.31", "1.3.6.1.5.5.7.1.1", "1.3.6.1.5.5.7.48.1.5", "2.5.29.14"] {
        assert!(ids.iter().any(|id| id == oid), "{oid}");
    }
    let own = crate::model::hex::Upper(root.key_id()).to_string();
    assert_eq!(identity.issuer_key_id.as_deref(), Some(own.as_str()));
}

#[test]
fn a_subject_without_a_name_has_critical_alternative_names() {
    let nameless = Subject { name: Name::new([]), hosts: vec![Host::parse("iot.example.com").unwrap()] };
    let der = root()
        .issue(&nameless, &Key::generate(KeyKind::P256).unwrap(), &Profile::server(validity()))
        .unwrap();
    let (_, parsed) = X509Certificate::from_der(&der).unwrap();
    assert!(parsed.subject_alternative_name().unwrap().unwrap().critical);
    assert_eq!(parsed.subject().as_raw(), [0x30, 0]);
}

#[test]
fn what_is_no_ca_or_has_another_key_does_not_sign() {
    let root = root();
    let other = || Box::new(Key::generate(KeyKind::P256).unwrap());
    let error = Authority::new(device(&root), other()).unwrap_err();
    assert!(matches!(error, AuthorityError::NotACa(ref name) if name.contains("CN=device")), "{error}");
    let error = Authority::new(root.certificate().clone(), other()).unwrap_err();
    assert!(matches!(error, AuthorityError::KeyMismatch(_)), "{error}");
    let error = Authority::new(CertificateDer::from(vec![1, 2]), other()).unwrap_err();
    assert!(matches!(error, AuthorityError::Malformed), "{error}");
}

#[test]
fn an_expired_ca_does_not_sign() {
    let past = Validity::from(OffsetDateTime::UNIX_EPOCH, Duration::ZERO, Duration::from_hours(1));
    let key = Key::generate(KeyKind::P256).unwrap();
    let profile = Profile::ca(PathLength(None), past);
    let ca = Authority::root(&subject("O=Example", "Old"), &profile, Box::new(key)).unwrap();
    let key = Key::generate(KeyKind::P256).unwrap();
    let error = ca.issue(&subject("O=Example", "x"), &key, &Profile::device(validity())).unwrap_err();
    assert!(error.to_string().contains("CN=Old,O=Example") && error.to_string().contains("1970"), "{error}");
}

#[test]
fn a_root_is_renewed_with_its_name_key_and_length() {
    let root = root_of(KeyKind::P256, PathLength(Some(1)));
    let device = device(&root);
    let (name, old) = (root.name().clone(), root.certificate().clone());
    let renewed = root.renewed(OffsetDateTime::now_utc()).unwrap();
    assert_ne!(renewed.certificate(), &old);
    assert_eq!((renewed.name(), renewed.path_length), (&name, Some(1)));
    assert!(verifies(&renewed, &[device]), "what it issued before");
    let issuing =
        below(&renewed, PathLength(None).0.map_or(PathLength(Some(0)), |_| PathLength(None))).unwrap();
    assert!(matches!(issuing.renewed(OffsetDateTime::now_utc()), Err(AuthorityError::NotARoot(_))));
}

#[test]
fn a_request_gets_no_name_that_a_certificate_cannot_have() {
    let key = Key::generate(KeyKind::P256).unwrap();
    let read = |names: &[&str]| {
        let hosts = names.iter().map(|name| Host::Dns((*name).to_owned())).collect();
        let asked = Subject { name: Name::parse(None, "pump").unwrap(), hosts };
        let der = request(&asked, None, &key).unwrap();
        Request::from_der(&der).map(|request| request.subject.hosts)
    };
    assert_eq!(read(&["", "a.example"]), Ok(vec![Host::Dns("a.example".to_owned())]), "as cfssl has it");
    for name in [" ", "a..example", "-a.example", "192.0.2.7", "http://a.example"] {
        assert!(matches!(read(&[name]), Err(RequestError::Host(_))), "{name}");
    }
}

#[test]
fn a_request_is_granted_to_who_has_the_key() {
    for kind in [KeyKind::P256, KeyKind::P521, KeyKind::Ed25519, KeyKind::Rsa2048] {
        let key = Key::generate(kind).unwrap();
        let mut asked = subject("DC=com,DC=example", "pump");
        asked.hosts = vec![Host::parse("spiffe://example.com/pump").unwrap()];
        let der = request(&asked, None, &key).unwrap();
        let read = Request::parse(pem::encode("CERTIFICATE REQUEST", &der).as_bytes()).unwrap();
        assert_eq!(read.subject, asked, "{kind}");
        let root = root();
        let certificate = root.issue(&read.subject, &read.key, &Profile::device(validity())).unwrap();
        assert!(verifies(&root, &[certificate]), "{kind}");

        let mut changed = der;
        let at = changed.windows(4).position(|window| window == b"pump").unwrap();
        changed[at] = b'l';
        let error = Request::parse(pem::encode("CERTIFICATE REQUEST", &changed).as_bytes()).unwrap_err();
        assert_eq!(error, RequestError::Signature, "{kind}");
    }
    assert_eq!(Request::parse(b"nothing").unwrap_err(), RequestError::Malformed);
}
