use std::path::Path;

use clap::ValueEnum as _;
use rcgen::PublicKeyData as _;

use super::*;

fn parse(pem: &str, passphrase: Option<&Passphrase>) -> Result<Key, KeyFileError> {
    Key::parse(pem.as_bytes(), Path::new("key.pem"), passphrase)
}

/// RSA with more than 2048 bits takes seconds, and goes the same way.
fn kinds() -> impl Iterator<Item = KeyKind> {
    KeyKind::value_variants()
        .iter()
        .copied()
        .filter(|kind| !matches!(kind, KeyKind::Rsa3072 | KeyKind::Rsa4096))
}

#[test]
fn a_key_is_read_from_every_form_that_it_is_written_in() {
    let passphrase = Passphrase::new("correct horse\n");
    for kind in kinds() {
        let key = Key::generate(kind).unwrap();
        let encrypted = key.encrypted_pem(&passphrase).unwrap();
        assert!(encrypted.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
        let read = [
            parse(&key.pem(), None),
            parse(&key.traditional_pem().unwrap(), None),
            parse(&encrypted, Some(&Passphrase::new("correct horse"))),
        ];
        for read in read {
            let read = read.unwrap();
            assert_eq!(read.subject_public_key_info(), key.subject_public_key_info(), "{kind}");
            assert_eq!(read.pkcs8(), key.pkcs8(), "{kind}");
            assert_eq!(PublicKeyData::algorithm(&read), PublicKeyData::algorithm(&key), "{kind}");
        }
    }
}

#[test]
fn the_traditional_form_is_the_one_of_the_algorithm() {
    let label =
        |kind| Key::generate(kind).unwrap().traditional_pem().unwrap().lines().next().unwrap().to_owned();
    assert_eq!(label(KeyKind::Rsa2048), "-----BEGIN RSA PRIVATE KEY-----");
    assert_eq!(label(KeyKind::P384), "-----BEGIN EC PRIVATE KEY-----");
    assert_eq!(label(KeyKind::Ed25519), "-----BEGIN PRIVATE KEY-----");
}

#[test]
fn an_encrypted_key_opens_with_its_passphrase_alone() {
    let key = Key::generate(KeyKind::P256).unwrap();
    let pem = key.encrypted_pem(&Passphrase::new("one")).unwrap();
    assert!(matches!(parse(&pem, None), Err(KeyFileError::PassphraseNeeded(_))));
    assert!(matches!(parse(&pem, Some(&Passphrase::new("two"))), Err(KeyFileError::WrongPassphrase(_))));
    assert!(Key::is_encrypted(pem.as_bytes()) && !Key::is_encrypted(key.pem().as_bytes()));
}

#[test]
fn no_message_quotes_a_key() {
    let key = Key::generate(KeyKind::P256).unwrap();
    let broken = key.pem().replace('\n', " ");
    let error = parse(&broken, None).unwrap_err();
    assert!(!format!("{error}{error:?}").contains(&broken[30..60]), "{error}");
    assert!(!format!("{key:?}{:?}", Passphrase::new("secret")).contains("secret"));
}

#[test]
fn a_key_that_is_none_is_told_with_its_file() {
    let garbage = pem::encode("PRIVATE KEY", b"garbage");
    let error = parse(&garbage, None).unwrap_err();
    assert!(
        matches!(error, KeyFileError::Unusable(_)) && error.to_string().starts_with("key.pem: "),
        "{error}"
    );
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n";
    assert!(matches!(parse(old, None), Err(KeyFileError::OldEncryption(_))));
}
