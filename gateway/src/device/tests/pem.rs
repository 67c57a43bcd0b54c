//! PEM files, good and bad.

use std::path::{Path, PathBuf};

use rcgen::KeyPair;
use tempfile::TempDir;

use super::pki::Ca;
use crate::device::pem::{certificates, private_key};

fn file(folder: &TempDir, content: &str) -> PathBuf {
    let path = folder.path().join("file.pem");
    std::fs::write(&path, content).unwrap();
    path
}

fn certificates_error(path: &Path) -> String {
    certificates(path).unwrap_err().to_string()
}

#[test]
fn certificates_and_key_are_found_among_other_text() {
    let folder = TempDir::new().unwrap();
    let (root, other) = (Ca::root("Root"), Ca::root("Other"));
    let key = KeyPair::generate().unwrap();
    let path =
        file(&folder, &format!("# ours\r\n{}\n{}text\n{}", root.pem(), key.serialize_pem(), other.pem()));
    assert_eq!(certificates(&path).unwrap(), [root.der(), other.der()]);
    assert_eq!(private_key(&path).unwrap().secret_der(), key.serialized_der());
}

#[test]
fn what_cannot_be_used_is_refused_by_name_of_the_file() {
    let folder = TempDir::new().unwrap();
    let key = KeyPair::generate().unwrap().serialize_pem();
    let certificate = Ca::root("Root").pem();
    let cases = [
        (key.as_str(), "file.pem holds no certificate (`-----BEGIN CERTIFICATE-----`)"),
        ("", "file.pem holds no certificate (`-----BEGIN CERTIFICATE-----`)"),
        (
            "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n",
            "file.pem is not valid PEM: a section is not base64",
        ),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n",
            "file.pem is not valid PEM: a section does not end; is each marker on a line of its own?",
        ),
    ];
    for (content, message) in cases {
        let error = certificates_error(&file(&folder, content));
        assert!(error.ends_with(message), "{error}");
    }
    let error = private_key(&file(&folder, &certificate)).unwrap_err().to_string();
    assert!(
        error.ends_with("file.pem holds no private key (`-----BEGIN PRIVATE KEY-----` or alike)"),
        "{error}"
    );
    let error = certificates_error(&folder.path().join("absent.pem"));
    assert!(error.starts_with("cannot read ") && error.contains("absent.pem: No such file"), "{error}");
}

#[test]
fn a_file_beyond_4_mib_is_not_even_read() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder, &Ca::root("Root").pem());
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(4 * 1024 * 1024 + 1).unwrap();
    assert!(certificates_error(&path).ends_with("file.pem is larger than 4 MiB, which is no PEM file"));
    assert!(private_key(&path).is_err());
}

/// Invariant 13. Keys that lost their line breaks are common: environment variables and YAML do that.
#[test]
fn no_error_quotes_a_key_however_it_is_damaged() {
    let folder = TempDir::new().unwrap();
    let pem = KeyPair::generate().unwrap().serialize_pem();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let one_line = pem.replace(['\r', '\n'], "");
    let damaged = [
        one_line.clone(),
        format!("{one_line}x"),
        format!("-----BEGIN PRIVATE KEY-----{body}"),
        format!("-----BEGIN PRIVATE KEY-----\n{body}!\n-----END PRIVATE KEY-----\n"),
        format!("-----BEGIN PRIVATE KEY-----\n{body}"),
    ];
    for content in damaged {
        let path = file(&folder, &content);
        let error = private_key(&path).unwrap_err();
        for text in [error.to_string(), format!("{error:?}"), certificates_error(&path)] {
            let bytes = format!("{:?}", &body.as_bytes()[..8]);
            let leaked = text.contains(&body[..8]) || text.contains(bytes.trim_matches(['[', ']']));
            assert!(!leaked, "{text}");
        }
    }
}
