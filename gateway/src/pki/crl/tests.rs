use super::*;
use crate::pki::profile::{PathLength, Profile, Validity};
use crate::pki::{Key, KeyKind, Name, Subject};

fn ca_with(usages: Option<rcgen::KeyUsagePurpose>) -> Authority {
    let validity = Validity::starting(OffsetDateTime::now_utc(), Validity::ROOT);
    let mut profile = Profile::ca(PathLength(None), validity);
    profile.key_usages.retain(|usage| Some(*usage) != usages);
    let subject = Subject { name: Name::parse(Some("DC=com,DC=example"), "CA").unwrap(), hosts: Vec::new() };
    Authority::root(&subject, &profile, Box::new(Key::generate(KeyKind::P256).unwrap())).unwrap()
}

fn ca() -> Authority {
    ca_with(None)
}

fn entry(serial: &str, reason: Option<Reason>) -> Entry {
    Entry { serial: serial.parse().unwrap(), revoked_at: 1_700_000_000, reason }
}

#[test]
fn a_list_is_read_as_it_was_made_and_its_ca_signed_it() {
    let ca = ca();
    let mut list = List::new(now(), LIFE).unwrap();
    let mut entries: Vec<_> = Reason::ALL
        .iter()
        .zip(0xa0..)
        .map(|(reason, serial)| entry(&format!("{serial:X}"), Some(*reason)))
        .collect();
    entries.push(entry("FF", None));
    assert_eq!(list.add(entries.clone()), 10);
    let der = list.sign(&ca).unwrap();
    let parsed = ParsedCrl::parse(&der, der.len()).unwrap();
    // What says nothing is not said.
    entries[0].reason = None;
    assert_eq!(parsed.entries().collect::<Vec<_>>(), entries);
    assert_eq!(parsed.next_update.unwrap() - parsed.this_update, LIFE.as_secs());
    assert_eq!(parsed.number.unwrap().to_string(), list.number.decimal().unwrap());
    assert_eq!(parsed.authority_key_id, Some(ca.key_id()));
    let issuer = Issuer::read(ca.certificate()).unwrap();
    parsed.verify([&issuer], certificate_algorithms(false), now().as_secs()).unwrap();
}

#[test]
fn the_list_that_follows_has_a_higher_number_and_the_same_entries() {
    let ca = ca();
    let mut first = List::new(now(), LIFE).unwrap();
    first.add([entry("A1", Some(Reason::KeyCompromise))]);
    let mut second = List::after(&first.sign(&ca).unwrap(), &ca, now(), LIFE).unwrap();
    assert!(BigUint::from_bytes_be(second.number.octets()) > BigUint::from_bytes_be(first.number.octets()));
    assert_eq!(second.entries, first.entries);
    assert_eq!(second.add([entry("A1", None), entry("A2", None), entry("A2", None)]), 1);
    assert_eq!(second.entries.len(), 2);
    // A number that another tool has counted further than the time.
    first.number = "FFFFFFFFFFFFFFFFFFFF".parse().unwrap();
    let second = List::after(&first.sign(&ca).unwrap(), &ca, now(), LIFE).unwrap();
    assert_eq!(second.number, "0100000000000000000000".parse().unwrap());
}

#[test]
fn a_list_of_another_ca_is_not_followed() {
    let der = List::new(now(), LIFE).unwrap().sign(&ca()).unwrap();
    assert!(matches!(List::after(&der, &ca(), now(), LIFE), Err(CrlError::Verify(_))));
}

#[test]
fn what_cannot_be_signed_is_refused() {
    let list = List::new(now(), LIFE).unwrap();
    let no_signer = ca_with(Some(rcgen::KeyUsagePurpose::CrlSign));
    let error = list.sign(&no_signer).unwrap_err();
    assert!(error.to_string().contains("cRLSign"), "{error}");
    let mut negative = list.clone();
    negative.entries.push(Entry { serial: Serial::new(&[0x80]).unwrap(), revoked_at: 0, reason: None });
    assert!(matches!(negative.sign(&ca()), Err(CrlError::Negative(_))));
    let mut at_once = list;
    at_once.next_update = at_once.this_update;
    assert!(matches!(at_once.sign(&ca()), Err(CrlError::Date)));
}

#[test]
fn a_list_of_some_certificates_is_not_followed_by_one_of_all() {
    let ca = ca();
    let point = |scope| rcgen::CrlIssuingDistributionPoint {
        distribution_point: rcgen::CrlDistributionPoint { uris: vec!["http://crl.example/1".to_owned()] },
        scope,
    };
    for scope in [None, Some(rcgen::CrlScope::UserCertsOnly)] {
        let part = CertificateRevocationListParams {
            this_update: OffsetDateTime::now_utc(),
            next_update: OffsetDateTime::now_utc() + LIFE,
            crl_number: SerialNumber::from_slice(&[7]),
            issuing_distribution_point: Some(point(scope)),
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::PreSpecified(ca.key_id().to_vec()),
        };
        let der = ca.sign_list(&part).unwrap();
        assert!(matches!(List::after(&der, &ca, now(), LIFE), Err(CrlError::Part)), "{scope:?}");
    }
}
