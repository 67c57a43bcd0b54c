//! `fleetgate pki show`

mod certificate;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use rcgen::PublicKeyData as _;
use rustls::pki_types::pem::{PemObject as _, SectionKind};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::said;
use crate::cli::crl::inspect;
use crate::cli::print;
use crate::device::identity::Fingerprint;
use crate::pki::Key;
use crate::pki::request::Request;

/// What is known of a thing in a file: labels and values, in order.
type Facts = Vec<(&'static str, Value)>;

/// Prints what is in a file.
pub(super) fn show(path: &Path, json: bool) -> Result<ExitCode, String> {
    let bytes = fs::read(path).map(Zeroizing::new);
    let bytes = bytes.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let things = things(&bytes, path)?;
    if things.is_empty() {
        // A CRL, or nothing that is known here.
        return inspect::show(path, None, json);
    }
    if json {
        print(&things.into_iter().map(object).collect::<Value>().to_string());
    } else {
        print(&things.iter().map(text).collect::<Vec<_>>().join("\n\n"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Every section of PEM that is no CRL.
fn things(bytes: &[u8], path: &Path) -> Result<Vec<Facts>, String> {
    let of_file = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let mut things = Vec::new();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(bytes) {
        // The parser's own words could quote a key.
        let (kind, der) = section.map_err(|_| of_file(&"a section of it is no PEM"))?;
        let der = Zeroizing::new(der);
        let thing = match kind {
            SectionKind::Certificate => certificate::facts(&der),
            SectionKind::Csr => request(&der),
            SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey => key(&der),
            _ => continue,
        };
        things.push(thing.map_err(|error| of_file(&error))?);
    }
    if things.is_empty() && Key::is_encrypted(bytes) {
        things.push(vec![("kind", json!("private key, encrypted"))]);
    }
    Ok(things)
}

fn request(der: &[u8]) -> Result<Facts, String> {
    let Request { subject, key } = Request::from_der(der).map_err(said)?;
    let hosts: Vec<_> = subject.hosts.iter().map(crate::pki::Host::text).collect();
    Ok(vec![
        ("kind", json!("certificate signing request")),
        ("subject", json!(subject.name.to_string())),
        ("hosts", json!(hosts)),
        ("key", json!(certificate::key_label(&key.subject_public_key_info()))),
    ])
}

fn key(der: &[u8]) -> Result<Facts, String> {
    let key = Key::from_der(der).ok_or("the key is damaged, or of a kind that is not known here")?;
    let info = key.subject_public_key_info();
    Ok(vec![
        ("kind", json!("private key")),
        ("key", json!(certificate::key_label(&info))),
        ("public key sha256", json!(Fingerprint::of(&info).hex())),
    ])
}

fn object(facts: Facts) -> Value {
    let named = |(label, value): (&str, Value)| (label.replace(' ', "_"), value);
    Value::Object(facts.into_iter().map(named).collect::<Map<_, _>>())
}

fn text(facts: &Facts) -> String {
    let line = |(label, value): &(&'static str, Value)| match value {
        Value::String(text) => Some(format!("{label:<19}{text}")),
        Value::Array(list) if list.is_empty() => None,
        Value::Array(list) => {
            let texts: Vec<_> = list.iter().filter_map(Value::as_str).collect();
            Some(format!("{label:<19}{}", texts.join(", ")))
        }
        Value::Null => None,
        other => Some(format!("{label:<19}{other}")),
    };
    facts.iter().filter_map(line).collect::<Vec<_>>().join("\n")
}
