//! Extensions of CRLs and of their entries: every critical one is understood or refuses the CRL, and none comes twice.

use super::der::{self, DerError, OCTET_STRING, OID, Reader, SEQUENCE};
use super::parse::{CrlNumber, ParseError};
use super::scope::{self, Scope};
use super::serial::Serial;

/// More extensions than any CRL or entry has; so few that duplicates are found by comparing each with each.
const MAX_EXTENSIONS: usize = 16;

const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 35];
const CERTIFICATE_ISSUER: &[u8] = &[0x55, 0x1d, 29];
const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 20];
const DELTA_CRL_INDICATOR: &[u8] = &[0x55, 0x1d, 27];
const INVALIDITY_DATE: &[u8] = &[0x55, 0x1d, 24];
const ISSUING_DISTRIBUTION_POINT: &[u8] = &[0x55, 0x1d, 28];
const REASON_CODE: &[u8] = &[0x55, 0x1d, 21];

/// What the extensions of a CRL say.
#[derive(Debug, Default)]
pub(super) struct CrlExtensions<'a> {
    pub(super) number: Option<CrlNumber>,
    pub(super) authority_key_id: Option<&'a [u8]>,
    pub(super) scope: Scope,
    pub(super) shard: Option<&'a [u8]>,
}

struct Extension<'a> {
    oid: &'a [u8],
    critical: bool,
    value: &'a [u8],
}

impl<'a> CrlExtensions<'a> {
    /// Reads the content of an `Extensions` sequence.
    pub(super) fn read(content: &'a [u8]) -> Result<Self, ParseError> {
        let mut read = Self::default();
        each(content, |extension| read.take(&extension))?;
        Ok(read)
    }

    fn take(&mut self, extension: &Extension<'a>) -> Result<(), ParseError> {
        match extension.oid {
            AUTHORITY_KEY_IDENTIFIER => {
                self.authority_key_id =
                    authority_key_id(extension.value).map_err(ParseError::within("the key id"))?;
            }
            CRL_NUMBER => self.number = Some(CrlNumber::read(extension.value)?),
            // They change what the list means, so they count even where a CA forgot to mark them critical.
            DELTA_CRL_INDICATOR => return Err(ParseError::Delta),
            ISSUING_DISTRIBUTION_POINT => (self.scope, self.shard) = scope::read(extension.value)?,
            oid if extension.critical => return Err(ParseError::CriticalExtension { oid: dotted(oid) }),
            _ => {}
        }
        Ok(())
    }
}

/// Reads the content of an entry's `Extensions` sequence; gives the reason code.
pub(super) fn read_entry(content: &[u8], serial: &Serial) -> Result<Option<u8>, ParseError> {
    let mut reason = None;
    each(content, |extension| {
        match extension.oid {
            CERTIFICATE_ISSUER => return Err(ParseError::Indirect),
            INVALIDITY_DATE => {}
            REASON_CODE => {
                reason = reason_code(extension.value).map_err(ParseError::within("a reason code"))?;
            }
            oid if extension.critical => {
                return Err(ParseError::CriticalEntryExtension { oid: dotted(oid), serial: *serial });
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(reason)
}

fn each<'a>(
    content: &'a [u8],
    mut take: impl FnMut(Extension<'a>) -> Result<(), ParseError>,
) -> Result<(), ParseError> {
    let mut seen = [&[][..]; MAX_EXTENSIONS];
    let mut free = seen.iter_mut();
    let mut reader = Reader::new(content);
    while !reader.is_empty() {
        let extension = read(&mut reader).map_err(ParseError::within("an extension"))?;
        *free.next().ok_or(ParseError::TooManyExtensions { most: MAX_EXTENSIONS })? = extension.oid;
        take(extension)?;
    }
    let free = free.len();
    let (seen, _) = seen.split_at(MAX_EXTENSIONS - free);
    for (index, oid) in seen.iter().enumerate() {
        if seen.iter().skip(index + 1).any(|other| other == oid) {
            return Err(ParseError::DuplicateExtension { oid: dotted(oid) });
        }
    }
    Ok(())
}

fn read<'a>(reader: &mut Reader<'a>) -> Result<Extension<'a>, DerError> {
    let mut fields = Reader::new(reader.expect(SEQUENCE)?.content);
    let oid = fields.expect(OID)?.content;
    let critical =
        fields.optional(der::BOOLEAN)?.map_or(Ok(false), |element| der::boolean(element.content))?;
    let value = fields.expect(OCTET_STRING)?.content;
    fields.finish()?;
    Ok(Extension { oid, critical, value })
}

fn authority_key_id(value: &[u8]) -> Result<Option<&[u8]>, DerError> {
    let mut fields = Reader::new(der::only(value, SEQUENCE)?.content);
    let key_id = fields.optional(der::context(0))?.map(|element| element.content);
    // The issuer's name and serial number say nothing that the signature does not prove.
    fields.optional(der::constructed(1))?;
    fields.optional(der::context(2))?;
    fields.finish()?;
    Ok(key_id)
}

fn reason_code(value: &[u8]) -> Result<Option<u8>, DerError> {
    match der::only(value, der::ENUMERATED)?.content {
        [code] => Ok(Some(*code)),
        _ => Err(DerError::Integer),
    }
}

/// An object identifier as people write it.
pub(super) fn dotted(oid: &[u8]) -> String {
    x509_parser::asn1_rs::Oid::new(oid.into()).to_id_string()
}
