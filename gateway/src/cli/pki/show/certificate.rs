//! A certificate, for people.

use serde_json::{Value, json};
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::Facts;
use crate::cli::crl::time;
use crate::cli::pki::issued::serial;
use crate::device::identity::{AlternativeName, Fingerprint, Identity};

/// What a certificate says.
pub(super) fn facts(der: &[u8]) -> Result<Facts, String> {
    let identity = Identity::read(der, Fingerprint::of(der)).map_err(|error| error.to_string())?;
    let (_, parsed) = X509Certificate::from_der(der).map_err(|_| "not a certificate".to_owned())?;
    let hosts: Vec<_> = identity.alternative_names.iter().map(name).collect();
    Ok(vec![
        ("kind", json!("certificate")),
        ("subject", json!(identity.subject.rfc2253)),
        ("issuer", json!(identity.issuer.rfc2253)),
        ("serial", json!(identity.serial)),
        ("serial decimal", json!(serial(der).and_then(|serial| serial.decimal()))),
        ("not before", json!(time(identity.not_before))),
        ("not after", json!(time(identity.not_after))),
        ("hosts", json!(hosts)),
        ("key", json!(key_label(parsed.public_key().raw))),
        ("usages", json!(usages(&parsed))),
        ("ca", ca(&parsed)),
        ("crl urls", json!(crl_urls(&parsed))),
        ("key id", json!(identity.key_id)),
        ("issuer key id", json!(identity.issuer_key_id)),
        ("sha256", json!(identity.fingerprint.hex())),
    ])
}

fn name(name: &AlternativeName) -> String {
    match name {
        AlternativeName::Dns(text) | AlternativeName::Email(text) | AlternativeName::Uri(text) => {
            text.to_string()
        }
        AlternativeName::Ip(address) => address.to_string(),
    }
}

/// Algorithm and size of a key, from its `SubjectPublicKeyInfo`.
pub(super) fn key_label(info: &[u8]) -> String {
    let Ok((_, info)) = SubjectPublicKeyInfo::from_der(info) else { return "unreadable".to_owned() };
    match info.parsed() {
        Ok(PublicKey::RSA(key)) => format!("RSA with {} bits", key.key_size()),
        Ok(PublicKey::EC(point)) => format!("ECDSA with {} bits", point.key_size()),
        _ if info.algorithm.algorithm.to_id_string() == "1.3.101.112" => "Ed25519".to_owned(),
        _ => info.algorithm.algorithm.to_id_string(),
    }
}

/// Key usages and purposes, in cfssl's words.
fn usages(certificate: &X509Certificate<'_>) -> Vec<&'static str> {
    let mut words = Vec::new();
    let mut say = |is: bool, word| words.extend(is.then_some(word));
    if let Ok(Some(usage)) = certificate.key_usage() {
        let usage = usage.value;
        say(usage.digital_signature(), "digital signature");
        say(usage.non_repudiation(), "content commitment");
        say(usage.key_encipherment(), "key encipherment");
        say(usage.data_encipherment(), "data encipherment");
        say(usage.key_agreement(), "key agreement");
        say(usage.key_cert_sign(), "cert sign");
        say(usage.crl_sign(), "crl sign");
        say(usage.encipher_only(), "encipher only");
        say(usage.decipher_only(), "decipher only");
    }
    if let Ok(Some(purposes)) = certificate.extended_key_usage() {
        let purposes = purposes.value;
        say(purposes.any, "any");
        say(purposes.server_auth, "server auth");
        say(purposes.client_auth, "client auth");
        say(purposes.code_signing, "code signing");
        say(purposes.email_protection, "email protection");
        say(purposes.time_stamping, "timestamping");
        say(purposes.ocsp_signing, "ocsp signing");
        say(!purposes.other.is_empty(), "other purposes");
    }
    words
}

fn ca(certificate: &X509Certificate<'_>) -> Value {
    let constraints = certificate.basic_constraints().ok().flatten().map(|extension| extension.value);
    match constraints.filter(|constraints| constraints.ca) {
        None => json!("no"),
        Some(constraints) => match constraints.path_len_constraint {
            None => json!("yes"),
            Some(length) => json!(format!("yes, path length {length}")),
        },
    }
}

fn crl_urls(certificate: &X509Certificate<'_>) -> Vec<String> {
    let points = certificate.iter_extensions().filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::CRLDistributionPoints(points) => Some(&points.points),
        _ => None,
    });
    let names = points.flatten().filter_map(|point| match &point.distribution_point {
        Some(DistributionPointName::FullName(names)) => Some(names),
        _ => None,
    });
    let urls = names.flatten().filter_map(|name| match name {
        GeneralName::URI(url) => Some((*url).to_owned()),
        _ => None,
    });
    urls.collect()
}
