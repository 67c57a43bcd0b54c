//! Distinguished names, as they are written into certificates.

use std::borrow::Cow;
use std::fmt;

use x509_parser::asn1_rs::Oid;
use x509_parser::prelude::{FromDer as _, X509Name};

use super::layout::wrap;
use crate::device::distinguished_name::DistinguishedName;

const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;
const UTF8_STRING: u8 = 0x0c;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// A name as DER, to the letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(Vec<u8>);

/// What an attribute of a name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// `C`
    Country,
    /// `CN`
    CommonName,
    /// `DC`
    DomainComponent,
    /// `emailAddress`
    Email,
    /// `L`
    Locality,
    /// `O`
    Organization,
    /// `ST`
    Province,
    /// `serialNumber`: of a device, not of its certificate.
    SerialNumber,
    /// `OU`
    Unit,
    /// `UID`
    UserId,
    /// Any other, by its object identifier.
    Other(Vec<u64>),
}

/// Why something is no name, or none that everybody reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Two letters, and nothing else.
    #[error("C: `{0}` is not a country code; it has two letters, like DE (ISO 3166)")]
    Country(String),
    /// Longer than RFC 5280 allows.
    #[error("{label}: `{value}` has {length} characters; {most} are allowed (RFC 5280, appendix A)")]
    TooLong {
        /// The attribute.
        label: Cow<'static, str>,
        /// What it was to say.
        value: String,
        /// Its length, in characters.
        length: usize,
        /// The longest that is allowed.
        most: usize,
    },
    /// Characters that the attribute cannot have.
    #[error("{label}: `{value}` has characters that this attribute cannot have; only {allowed} can be in it")]
    Characters {
        /// The attribute.
        label: Cow<'static, str>,
        /// What it was to say.
        value: String,
        /// What it could.
        allowed: &'static str,
    },
    /// No attribute is called that.
    #[error(
        "`{0}` is not an attribute of a name; C, CN, DC, emailAddress, L, O, OU, serialNumber, ST and UID are"
    )]
    Unknown(String),
    /// Not `TYPE=VALUE`.
    #[error("`{0}` is not a part of a name; write it like O=Example or OU=Pumps, with commas between parts")]
    Syntax(String),
}

impl Attribute {
    const KNOWN: [(Self, &'static str, &'static [u64], usize); 10] = [
        (Self::Country, "C", &[2, 5, 4, 6], 2),
        (Self::CommonName, "CN", &[2, 5, 4, 3], 64),
        (Self::DomainComponent, "DC", &[0, 9, 2342, 19_200_300, 100, 1, 25], 63),
        (Self::Email, "emailAddress", &[1, 2, 840, 113_549, 1, 9, 1], 255),
        (Self::Locality, "L", &[2, 5, 4, 7], 128),
        (Self::Organization, "O", &[2, 5, 4, 10], 64),
        (Self::Province, "ST", &[2, 5, 4, 8], 128),
        (Self::SerialNumber, "serialNumber", &[2, 5, 4, 5], 64),
        (Self::Unit, "OU", &[2, 5, 4, 11], 64),
        (Self::UserId, "UID", &[0, 9, 2342, 19_200_300, 100, 1, 1], 256),
    ];

    /// The attribute that is called so.
    pub fn named(label: &str) -> Option<Self> {
        let known = Self::KNOWN.into_iter().find(|(_, known, ..)| known.eq_ignore_ascii_case(label));
        known.map(|(attribute, ..)| attribute)
    }

    fn known(&self) -> Option<(&'static str, &'static [u64], usize)> {
        let known = Self::KNOWN.iter().find(|(attribute, ..)| attribute == self);
        known.map(|(_, label, oid, most)| (*label, *oid, *most))
    }

    fn label(&self) -> Cow<'static, str> {
        match (self, self.known()) {
            (_, Some((label, ..))) => label.into(),
            (Self::Other(oid), None) => oid.iter().map(u64::to_string).collect::<Vec<_>>().join(".").into(),
            (_, None) => "".into(),
        }
    }

    /// What keeps `value` from being read by everybody; nothing when it is fine.
    pub fn problem(&self, value: &str) -> Option<NameError> {
        let (label, value_) = (self.label(), || value.to_owned());
        let allowed = match self {
            Self::Country if value.len() != 2 || !value.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
                return Some(NameError::Country(value_()));
            }
            Self::SerialNumber if !value.chars().all(is_printable) => {
                Some("letters, digits and ' ()+,-./:=?")
            }
            Self::Email | Self::DomainComponent if !value.is_ascii() => Some("ASCII"),
            _ if value.chars().any(char::is_control) => Some("characters that can be seen"),
            _ => None,
        };
        if let Some(allowed) = allowed {
            return Some(NameError::Characters { label, value: value_(), allowed });
        }
        let (length, most) = (value.chars().count(), self.known().map_or(usize::MAX, |(.., most)| most));
        (length > most).then(|| NameError::TooLong { label, value: value_(), length, most })
    }

    /// `AttributeTypeAndValue`
    fn encode(&self, value: &str) -> Vec<u8> {
        let components = match self {
            Self::Other(oid) => oid.as_slice(),
            known => known.known().map_or(&[][..], |(_, oid, _)| oid),
        };
        let oid = Oid::from(components).map_or_else(|_| Vec::new(), |oid| oid.as_bytes().to_vec());
        let tag = match self {
            Self::Email | Self::DomainComponent if value.is_ascii() => IA5_STRING,
            _ if value.chars().all(is_printable) => PRINTABLE_STRING,
            _ => UTF8_STRING,
        };
        wrap(SEQUENCE, &[wrap(OBJECT_IDENTIFIER, &oid), wrap(tag, value.as_bytes())].concat())
    }
}

impl Name {
    /// From DER.
    pub fn from_der(der: &[u8]) -> Self {
        Self(der.to_vec())
    }

    /// Parts in the order in which they are to stand. Several values of one attribute share a part, as cfssl has it;
    /// empty ones are left out.
    pub fn new<'a>(parts: impl IntoIterator<Item = (Attribute, Vec<&'a str>)>) -> Self {
        let mut sets = Vec::new();
        for (attribute, values) in parts {
            let said = values.into_iter().filter(|value| !value.is_empty());
            let mut encoded: Vec<_> = said.map(|value| attribute.encode(value)).collect();
            // DER has the elements of a SET OF in order.
            encoded.sort();
            if !encoded.is_empty() {
                sets.extend(wrap(SET, &encoded.concat()));
            }
        }
        Self(wrap(SEQUENCE, &sets))
    }

    /// A common name behind parts like `C=DE,O=Example`; a comma in a value is written `\,`.
    pub fn parse(parts: Option<&str>, common_name: &str) -> Result<Self, NameError> {
        let mut read = Vec::new();
        for part in parts.map(split).unwrap_or_default() {
            let (label, value) = part.split_once('=').ok_or_else(|| NameError::Syntax(part.clone()))?;
            let (label, value) = (label.trim(), value.trim());
            let attribute = Attribute::named(label).ok_or_else(|| NameError::Unknown(label.to_owned()))?;
            read.push((attribute, value.to_owned()));
        }
        read.push((Attribute::CommonName, common_name.to_owned()));
        if let Some(problem) = read.iter().find_map(|(attribute, value)| attribute.problem(value)) {
            return Err(problem);
        }
        Ok(Self::new(read.iter().map(|(attribute, value)| (attribute.clone(), vec![value.as_str()]))))
    }

    /// Its DER.
    pub fn der(&self) -> &[u8] {
        &self.0
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.len() <= 2
    }
}

impl fmt::Display for Name {
    /// RFC 2253: the most specific first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match X509Name::from_der(&self.0) {
            Ok((_, name)) => f.write_str(&DistinguishedName::read(&name).rfc2253),
            Err(_) => f.write_str("an unreadable name"),
        }
    }
}

/// Parts between commas.
fn split(text: &str) -> Vec<String> {
    let (mut parts, mut part, mut escaped) = (Vec::new(), String::new(), false);
    for character in text.chars() {
        match character {
            '\\' if !escaped => escaped = true,
            ',' if !escaped => parts.push(std::mem::take(&mut part)),
            character => {
                part.push(character);
                escaped = false;
            }
        }
    }
    parts.push(part);
    parts
}

/// What a `PrintableString` can have.
fn is_printable(character: char) -> bool {
    character.is_ascii_alphanumeric() || " '()+,-./:=?".contains(character)
}

#[cfg(test)]
mod tests;
