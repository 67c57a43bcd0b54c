//! Which certificates a CRL speaks of: its issuing distribution point (RFC 5280, 5.2.5), honoured or refused.

use std::fmt;

use super::der::{self, DerError, Reader, SEQUENCE};
use super::parse::ParseError;
use super::points::{self, PointName};
use crate::model::hex::Lower;

/// The kind of certificate that a CRL speaks of. What it lists of another kind does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All of its issuer's.
    #[default]
    All,
    /// Certificates of CAs.
    CaCertificates,
    /// Certificates of devices.
    UserCertificates,
}

/// The part of a CA's certificates that a CRL speaks of, where the CA splits its list: the distribution point's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shard(Box<[u8]>);

impl Scope {
    /// Whether it includes certificates of CAs, or else of devices.
    pub const fn covers(self, is_ca: bool) -> bool {
        match self {
            Self::All => true,
            Self::CaCertificates => is_ca,
            Self::UserCertificates => !is_ca,
        }
    }

    /// For people and logs.
    pub const fn label(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::CaCertificates => "ca",
            Self::UserCertificates => "user",
        }
    }
}

impl Shard {
    /// From the DER of a `DistributionPointName`.
    pub fn new(name: &[u8]) -> Self {
        Self(name.into())
    }

    /// What certificates that are in it name one of. A name that cannot be read is none.
    pub(super) fn names(&self) -> Vec<PointName> {
        points::names_of(&self.0).unwrap_or_default()
    }

    /// The DER of the `DistributionPointName`.
    pub const fn octets(&self) -> &[u8] {
        &self.0
    }

    pub(super) const fn heap_bytes(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Shard {
    /// Its URIs, or else its encoding.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uris = uris(&self.0).unwrap_or_default();
        if uris.is_empty() { Lower(&self.0).fmt(f) } else { f.write_str(&uris.join(" ")) }
    }
}

/// Reads an issuing distribution point: the scope, and the name of the shard.
pub(super) fn read(value: &[u8]) -> Result<(Scope, Option<&[u8]>), ParseError> {
    let point = Point::read(value).map_err(ParseError::within("the issuing distribution point"))?;
    match point {
        Point { indirect: true, .. } => Err(ParseError::Indirect),
        Point { attribute: true, .. } => Err(ParseError::AttributeCertificates),
        Point { some_reasons: true, .. } => Err(ParseError::SomeReasons),
        Point { user: true, ca: true, .. } => Err(ParseError::NoScope),
        Point { user: true, shard, .. } => Ok((Scope::UserCertificates, shard)),
        Point { ca: true, shard, .. } => Ok((Scope::CaCertificates, shard)),
        Point { shard, .. } => Ok((Scope::All, shard)),
    }
}

#[expect(clippy::struct_excessive_bools, reason = "these are the fields of the ASN.1 type")]
struct Point<'a> {
    shard: Option<&'a [u8]>,
    user: bool,
    ca: bool,
    some_reasons: bool,
    indirect: bool,
    attribute: bool,
}

impl<'a> Point<'a> {
    fn read(value: &'a [u8]) -> Result<Self, DerError> {
        let mut fields = Reader::new(der::only(value, SEQUENCE)?.content);
        let read = Self {
            shard: fields.optional(der::constructed(0))?.map(|element| element.content),
            user: flag(&mut fields, 1)?,
            ca: flag(&mut fields, 2)?,
            some_reasons: fields.optional(der::context(3))?.is_some(),
            indirect: flag(&mut fields, 4)?,
            attribute: flag(&mut fields, 5)?,
        };
        fields.finish()?;
        Ok(read)
    }
}

fn flag(fields: &mut Reader<'_>, number: u8) -> Result<bool, DerError> {
    fields.optional(der::context(number))?.map_or(Ok(false), |element| der::boolean(element.content))
}

fn uris(name: &[u8]) -> Result<Vec<String>, DerError> {
    let mut names = Reader::new(der::only(name, der::constructed(0))?.content);
    let mut uris = Vec::new();
    while !names.is_empty() {
        let name = names.any()?;
        if name.tag == der::context(6) {
            uris.push(name.content.escape_ascii().to_string());
        }
    }
    Ok(uris)
}
