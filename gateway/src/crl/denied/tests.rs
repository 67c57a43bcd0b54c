//! Records, the file, and what a damaged one does.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use super::issuers::Candidate;
use super::*;
use crate::device::identity::Fingerprint;
use crate::device::revocation::IssuerId;

const MOST: usize = 100;

fn selector() -> Selector {
    Selector::default()
}

fn authorities() -> Authorities {
    let ca = |octet, name: &str| Candidate {
        id: IssuerId::from_octets([octet; 32]),
        name: name.into(),
        fingerprint: Fingerprint([octet; 32]),
    };
    vec![
        ("devices".into(), vec![ca(1, "CN=Issuing"), ca(2, "CN=Root")]),
        ("others".into(), vec![ca(3, "CN=Other")]),
    ]
}

fn serial(issuer: Option<&str>) -> Selector {
    let [serial, ca] = ["0A1B", "devices"].map(|text| Some(text.to_owned()));
    Selector { serial, ca, issuer: issuer.map(str::to_owned), ..selector() }
}

/// One of each kind.
fn all_kinds() -> Vec<Selector> {
    let hex = "ab".repeat(32);
    vec![
        Selector { fingerprint: Some(hex.clone()), note: Some("stolen".into()), ..selector() },
        Selector { key: Some(hex), ..selector() },
        Selector { common_name: Some("pump \"17\"\n".into()), ..selector() },
        serial(Some("Issuing")),
    ]
}

#[test]
fn what_was_denied_is_found_again_and_only_its_owner_reads_it() {
    let folder = TempDir::new().unwrap();
    let mut denials = Denials::open(Some(folder.path())).unwrap();
    for selector in all_kinds() {
        assert!(!denials.add(&selector, &authorities(), MOST, 7).unwrap().is_empty());
        assert!(denials.add(&selector, &authorities(), MOST, 8).unwrap().is_empty(), "it is denied already");
        assert!(matches!(denials.keep(), Kept::Yes));
    }
    let again = Denials::open(Some(folder.path())).unwrap();
    assert_eq!(again.records(), denials.records());
    assert_eq!((again.records().len(), again.list().len()), (4, 4));
    assert!(again.records().iter().all(|record| record.denied_at == 7));
    let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left there");
}

#[test]
fn a_pardon_takes_back_exactly_what_it_names() {
    let mut denials = Denials::default();
    for selector in all_kinds() {
        denials.add(&selector, &authorities(), MOST, 7).unwrap();
    }
    let other = Selector { common_name: Some("pump".into()), ..selector() };
    assert!(denials.remove(&other, &authorities()).unwrap().is_empty());
    denials.add(&serial(Some("Root")), &authorities(), MOST, 7).unwrap();
    let mut remove =
        |selector: &Selector, authorities: &Authorities| denials.remove(selector, authorities).unwrap().len();
    let gone: Vec<_> = all_kinds().iter().map(|selector| remove(selector, &authorities())).collect();
    assert_eq!(gone, [1, 1, 1, 1], "the other CA's number stays denied");
    // The CA of the serial number has left the configuration.
    let of_another = "01".repeat(32);
    assert_eq!(remove(&serial(Some(&of_another)), &vec![]), 0);
    assert_eq!(remove(&serial(Some(&"02".repeat(32))), &vec![]), 1);
    assert!(denials.list().is_empty());
}

#[test]
fn what_says_nothing_or_too_much_is_refused() {
    let mut denials = Denials::default();
    let both = Selector { common_name: Some("a".into()), ..all_kinds().remove(0) };
    let no_ca = Selector { serial: Some("0A".into()), ..selector() };
    let no_serial = Selector { issuer: Some("Root".into()), ..all_kinds().remove(0) };
    for wrong in [selector(), both, no_ca, no_serial] {
        assert_eq!(denials.add(&wrong, &authorities(), MOST, 7), Err(DenialError::NotOne), "{wrong:?}");
        assert_eq!(denials.remove(&wrong, &authorities()), Err(DenialError::NotOne), "{wrong:?}");
    }
    let unknown = Selector { serial: Some("0A".into()), ca: Some("nobody".into()), ..selector() };
    let error = denials.add(&unknown, &authorities(), MOST, 7).unwrap_err().to_string();
    assert!(error.contains("`nobody`") && error.contains("`devices`, `others`"), "{error}");
    let no_digest = Selector { fingerprint: Some("0A".into()), ..selector() };
    assert!(matches!(denials.add(&no_digest, &authorities(), MOST, 7), Err(DenialError::Entry(_))));
    assert!(denials.records().is_empty());
}

#[test]
fn a_damaged_file_is_named_and_not_taken_for_an_empty_one() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(FILE);
    let cases = [
        "",
        "{}",
        "{\"version\":1}",
        "{\"version\":1,\"denied\":[{\"denied_at\":1}]}",
        "{\"version\":1,\"denied\":[{\"fingerprint\":\"xy\",\"denied_at\":1}]}",
        "{\"version\":2,\"denied\":[]}",
        "{\"version\":1,\"denied\":[],\"more\":1}",
    ];
    for text in cases {
        fs::write(&path, text).unwrap();
        let error = Denials::open(Some(folder.path())).unwrap_err().to_string();
        assert!(error.contains(FILE), "{text}: {error}");
    }
    assert!(matches!(Denials::open(Some(&folder.path().join("absent"))), Err(DeniedFileError::NoFolder(_))));
}

#[test]
fn what_cannot_be_kept_is_said_and_without_a_folder_it_is_said_too() {
    let folder = TempDir::new().unwrap();
    let mut denials = Denials::open(Some(folder.path())).unwrap();
    denials.add(&all_kinds()[0], &authorities(), MOST, 7).unwrap();
    drop(folder);
    assert!(matches!(denials.keep(), Kept::Failed(DeniedFileError::Write { .. })));
    assert!(matches!(Denials::open(None).unwrap().keep(), Kept::NoStateDir));
}

#[test]
fn there_is_an_end_to_what_can_be_denied_and_a_pardon_makes_room() {
    let mut denials = Denials::default();
    let [first, second, third, _] = all_kinds().try_into().unwrap();
    denials.add(&first, &authorities(), 2, 7).unwrap();
    denials.add(&second, &authorities(), 2, 7).unwrap();
    assert_eq!(denials.add(&third, &authorities(), 2, 7), Err(DenialError::Full { records: 2, most: 2 }));
    assert!(denials.add(&first, &authorities(), 2, 8).unwrap().is_empty(), "it is denied already");
    denials.remove(&first, &authorities()).unwrap();
    denials.add(&third, &authorities(), 2, 7).unwrap();
    assert_eq!(denials.records().len(), 2);
    let long = Selector { note: Some("x".repeat(1025)), ..first };
    assert!(matches!(denials.add(&long, &authorities(), MOST, 7), Err(DenialError::TooLong { .. })));
}

/// What earlier gateways wrote: a record for each CA of an upload.
#[test]
fn a_file_that_denies_a_serial_number_at_every_ca_of_an_upload_is_read_and_one_pardon_takes_it_back() {
    let folder = TempDir::new().unwrap();
    let record = |octet: &str| {
        let issuer = octet.repeat(32);
        format!("{{\"serial\":\"0A1B\",\"issuer\":\"{issuer}\",\"ca\":\"devices\",\"denied_at\":7}}")
    };
    let text = format!("{{\"version\":1,\"denied\":[{},{}]}}", record("01"), record("02"));
    fs::write(folder.path().join(FILE), text).unwrap();
    let mut denials = Denials::open(Some(folder.path())).unwrap();
    assert_eq!(denials.list().len(), 2);
    assert_eq!(denials.remove(&serial(None), &authorities()).unwrap().len(), 2);
}
