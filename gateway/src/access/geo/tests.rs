//! What a database says, and which files are none.

use tempfile::TempDir;

use super::*;

const COUNTRIES: &[u8] = include_bytes!("tests/countries.mmdb");

fn open(bytes: &[u8]) -> Result<GeoDatabase, GeoError> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("countries.mmdb");
    std::fs::write(&path, bytes).unwrap();
    GeoDatabase::open(&path)
}

#[test]
fn an_address_is_in_its_country_or_in_the_one_that_it_is_registered_in() {
    let database = open(COUNTRIES).unwrap();
    let cases = [
        ("192.0.2.1", Some("CH")),
        ("::ffff:192.0.2.1", Some("CH")),
        ("192.0.2.200", Some("DE")),
        ("2001:db8::1", Some("US")),
        ("198.51.100.1", None),
        ("203.0.113.1", None),
        ("2001:db9::1", None),
    ];
    for (address, country) in cases {
        let found = database.country(address.parse().unwrap());
        assert_eq!(found.map(|country| country.to_string()).as_deref(), country, "{address}");
    }
}

#[test]
fn a_damaged_file_is_refused_when_it_is_loaded() {
    for length in [0, 10, 200, COUNTRIES.len() - 1] {
        assert!(open(&COUNTRIES[..length]).is_err(), "{length}");
    }
    // Every record of the tree leads somewhere else.
    let mut damaged = COUNTRIES.to_vec();
    damaged[..300].fill(0x77);
    assert!(open(&damaged).is_err());
    assert!(GeoDatabase::open(Path::new("absent.mmdb")).is_err());
}
