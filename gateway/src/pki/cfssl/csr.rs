//! `ca-csr.json`, `client-csr.json`: whose certificate it is to be, and with what key.

use std::time::Duration;

use super::json::{self, JsonError, Object};
use crate::model::duration::{self, DurationError};
use crate::pki::host::HostError;
use crate::pki::key::MIN_RSA_BITS;
use crate::pki::name::{Attribute, Name, NameError};
use crate::pki::profile::PathLength;
use crate::pki::{Host, KeyKind, Subject};

/// A request for a key and a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRequest {
    /// Whose it is.
    pub subject: Subject,
    /// What key to make.
    pub key: KeyKind,
    /// What is asked for a new CA.
    pub ca: Option<CaSection>,
    /// Where the CRL is that would list a new CA.
    pub crl_url: Option<String>,
    /// What cfssl would let pass in silence.
    pub warnings: Vec<String>,
}

/// The `ca` section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaSection {
    /// How many CAs may stand below it.
    pub path_length: PathLength,
    /// How long it lasts, where it says so.
    pub expiry: Option<Duration>,
    /// How far its beginning lies back, where it says so.
    pub backdate: Option<Duration>,
}

/// Why a request cannot be granted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsrError {
    /// It is no JSON, or has another kind of value somewhere.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// No such algorithm.
    #[error("key.algo: unknown algorithm `{0}`; rsa, ecdsa and ed25519 are known")]
    Algorithm(String),
    /// An RSA key that is too short.
    #[error("key.size: an RSA key of {0} bits is too weak; {MIN_RSA_BITS} are the least")]
    WeakKey(i64),
    /// A size that is not made.
    #[error("key.size: {algorithm} with {size} bits is not made here; {known} are")]
    Size {
        /// The algorithm.
        algorithm: &'static str,
        /// What was asked for.
        size: i64,
        /// What can be had.
        known: &'static str,
    },
    /// A name in `hosts`.
    #[error("{field}: {error}")]
    Host {
        /// Where it stands.
        field: String,
        /// What is wrong with it.
        error: HostError,
    },
    /// A length of time.
    #[error("{field}: `{text}` is {error}")]
    Duration {
        /// Where it stands.
        field: String,
        /// What stands there.
        text: String,
        /// What is wrong with it.
        error: DurationError,
    },
    /// A path length.
    #[error("{field}: {length} is not a path length; 0 to 255 are")]
    PathLength {
        /// Where it stands.
        field: String,
        /// What stands there.
        length: i64,
    },
    /// An attribute that is named by number.
    #[error("{0} is not an object identifier; write it like 2.5.4.15")]
    ObjectIdentifier(String),
}

/// The name's attributes in the order in which Go writes them.
const ATTRIBUTES: [(&str, Attribute); 5] = [
    ("C", Attribute::Country),
    ("ST", Attribute::Province),
    ("L", Attribute::Locality),
    ("O", Attribute::Organization),
    ("OU", Attribute::Unit),
];

impl CertificateRequest {
    /// Reads a file's text. `common_name` takes the place of what it says.
    pub fn parse(text: &[u8], common_name: Option<&str>) -> Result<Self, CsrError> {
        let value = json::parse(text)?;
        let top = Object::top(&value)?;
        let mut warnings = unknown(&top)?;
        let common_name = match common_name {
            Some(name) => Some(name),
            None => top.text("CN")?,
        };
        let parts = parts(&top, common_name.unwrap_or_default())?;
        warnings.extend(problems(&parts).map(|problem| problem.to_string()));
        let named = parts.iter().map(|(attribute, values)| {
            (attribute.clone(), values.iter().map(String::as_str).collect::<Vec<_>>())
        });
        Ok(Self {
            subject: Subject { name: Name::new(named), hosts: hosts(&top)? },
            key: key(&top)?,
            ca: top.object("ca")?.map(|section| ca(&section)).transpose()?,
            crl_url: top.some_text("crl_url")?,
            warnings,
        })
    }
}

/// What is written to no effect.
fn unknown(top: &Object<'_>) -> Result<Vec<String>, CsrError> {
    let known = ["CN", "names", "hosts", "key", "ca", "serialnumber", "crl_url"];
    let mut fields = top.unknown(&known);
    for name in top.objects("names")? {
        fields.extend(name.unknown(&["C", "ST", "L", "O", "OU", "E", "OID"]));
    }
    fields.extend(top.object("key")?.iter().flat_map(|key| key.unknown(&["algo", "size"])));
    let ca = ["pathlen", "pathlenzero", "expiry", "backdate"];
    fields.extend(top.object("ca")?.iter().flat_map(|section| section.unknown(&ca)));
    Ok(fields.into_iter().map(|field| format!("{field}: not known here, and left out")).collect())
}

/// The parts of the name. Values of several `names` share their part, as Go has it.
fn parts(top: &Object<'_>, common_name: &str) -> Result<Vec<(Attribute, Vec<String>)>, CsrError> {
    let names = top.objects("names")?;
    let mut parts = Vec::new();
    for (key, attribute) in ATTRIBUTES {
        let values = names.iter().filter_map(|name| name.some_text(key).transpose());
        parts.push((attribute, values.collect::<Result<Vec<_>, _>>()?));
    }
    let own = |text: &str| if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
    parts.push((Attribute::CommonName, own(common_name)));
    parts.push((Attribute::SerialNumber, own(top.text("serialnumber")?.unwrap_or_default())));
    for name in &names {
        if let Some(others) = name.object("OID")? {
            parts.extend(numbered(&others)?);
        }
        parts.extend(name.some_text("E")?.map(|address| (Attribute::Email, vec![address])));
    }
    Ok(parts)
}

/// Attributes that are named by object identifiers.
fn numbered(others: &Object<'_>) -> Result<Vec<(Attribute, Vec<String>)>, CsrError> {
    let mut parts = Vec::new();
    for key in others.keys() {
        let numbers: Option<Vec<u64>> = key.split('.').map(|number| number.parse().ok()).collect();
        // The first two numbers share an octet, and the second is at most 39 there.
        let numbers = numbers.filter(|numbers| {
            matches!(numbers.as_slice(), [first, second, ..] if *first <= 2 && (*first == 2 || *second < 40))
        });
        let numbers = numbers.ok_or_else(|| CsrError::ObjectIdentifier(others.path(key)))?;
        parts.extend(others.some_text(key)?.map(|value| (Attribute::Other(numbers), vec![value])));
    }
    Ok(parts)
}

fn problems(parts: &[(Attribute, Vec<String>)]) -> impl Iterator<Item = NameError> {
    let values =
        parts.iter().flat_map(|(attribute, values)| values.iter().map(move |value| (attribute, value)));
    values.filter_map(|(attribute, value)| attribute.problem(value))
}

/// The names, without the empty ones that the product document's example has: RFC 5280 forbids to issue them.
fn hosts(top: &Object<'_>) -> Result<Vec<Host>, CsrError> {
    let texts = top.texts("hosts")?.into_iter().filter(|(_, text)| !text.is_empty());
    let read = |(field, text)| Host::parse(text).map_err(|error| CsrError::Host { field, error });
    Ok(in_go_order(texts.map(read).collect::<Result<_, _>>()?))
}

/// Names in the order in which Go writes them into certificates: kind by kind.
pub fn in_go_order(mut hosts: Vec<Host>) -> Vec<Host> {
    hosts.sort_by_key(|host| match host {
        Host::Dns(_) => 0,
        Host::Email(_) => 1,
        Host::Ip(_) => 2,
        Host::Uri(_) => 3,
    });
    hosts
}

fn key(top: &Object<'_>) -> Result<KeyKind, CsrError> {
    let Some(key) = top.object("key")? else { return Ok(KeyKind::P256) };
    let size = key.number("size")?.unwrap_or_default();
    let not_made = |algorithm, known| Err(CsrError::Size { algorithm, size, known });
    match (key.text("algo")?.unwrap_or_default(), size) {
        ("rsa", 2048) => Ok(KeyKind::Rsa2048),
        ("rsa", 3072) => Ok(KeyKind::Rsa3072),
        ("rsa", 4096) => Ok(KeyKind::Rsa4096),
        ("rsa", ..2048) => Err(CsrError::WeakKey(size)),
        ("rsa", _) => not_made("RSA", "2048, 3072 and 4096"),
        // One of which nothing is said is as none.
        ("", 0) | ("ecdsa", 256) => Ok(KeyKind::P256),
        ("ecdsa", 384) => Ok(KeyKind::P384),
        ("ecdsa", 521) => Ok(KeyKind::P521),
        ("ecdsa", _) => not_made("ECDSA", "256, 384 and 521"),
        ("ed25519", _) => Ok(KeyKind::Ed25519),
        (other, _) => Err(CsrError::Algorithm(other.to_owned())),
    }
}

fn ca(section: &Object<'_>) -> Result<CaSection, CsrError> {
    Ok(CaSection {
        path_length: path_length(section, "pathlen", "pathlenzero")?,
        expiry: length_of_time(section, "expiry")?,
        backdate: length_of_time(section, "backdate")?,
    })
}

/// In cfssl 0 is no number, unless another field says that it is one.
pub(super) fn path_length(object: &Object<'_>, key: &str, zero: &str) -> Result<PathLength, CsrError> {
    let length = object.number(key)?.unwrap_or_default();
    let too_long = |_| CsrError::PathLength { field: object.path(key), length };
    match length {
        0 => Ok(PathLength(object.flag(zero)?.then_some(0))),
        length => u8::try_from(length).map(|length| PathLength(Some(length))).map_err(too_long),
    }
}

pub(super) fn length_of_time(object: &Object<'_>, key: &str) -> Result<Option<Duration>, CsrError> {
    let Some(text) = object.some_text(key)? else { return Ok(None) };
    let parsed = duration::parse(&text);
    parsed.map(Some).map_err(|error| CsrError::Duration { field: object.path(key), text, error })
}

#[cfg(test)]
mod tests;
