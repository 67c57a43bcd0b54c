//! Names of issuers: whether two are the same, and how people read them.

use x509_parser::prelude::{FromDer as _, X509Name};

use super::der::{self, DerError, Element, OID, PRINTABLE_STRING, Reader, SEQUENCE, SET, UTF8_STRING};

const IA5_STRING: u8 = 0x16;

/// A name's DER with one string type for all text of which equal octets are equal text: two names are the same if
/// these are.
///
/// cfssl writes the CA's name anew into the CRLs that it makes, as `PrintableString` where OpenSSL had put `UTF8String`
/// into the CA, and a CA's renewal may do the same. Which key signed decides who signed; the name only has to be the
/// same text.
pub(super) fn canonical(name: &[u8]) -> Vec<u8> {
    with_one_string_type(name).unwrap_or_else(|_| name.to_vec())
}

/// A name for people and logs; no control character comes through.
pub(super) fn display(name: &[u8]) -> String {
    let Ok((_, parsed)) = X509Name::from_der(name) else { return "an unreadable name".to_owned() };
    parsed.to_string().chars().flat_map(readable).collect()
}

fn readable(character: char) -> impl Iterator<Item = char> {
    let escaped = character.is_control().then(|| character.escape_default());
    let plain = escaped.is_none().then_some(character);
    escaped.into_iter().flatten().chain(plain)
}

fn with_one_string_type(name: &[u8]) -> Result<Vec<u8>, DerError> {
    let mut out = Vec::with_capacity(name.len());
    let sequence = der::only(name, SEQUENCE)?;
    let mut sets = enter(sequence, &mut out);
    while !sets.is_empty() {
        let mut attributes = enter(sets.expect(SET)?, &mut out);
        while !attributes.is_empty() {
            let mut fields = enter(attributes.expect(SEQUENCE)?, &mut out);
            out.extend(fields.expect(OID)?.raw);
            let value = fields.any()?;
            fields.finish()?;
            out.push(if is_utf8(value.tag) { UTF8_STRING } else { value.tag });
            out.extend(value.raw.iter().skip(1));
        }
    }
    Ok(out)
}

/// Copies tag and length, which stay the same, and goes on with the content.
fn enter<'a>(element: Element<'a>, out: &mut Vec<u8>) -> Reader<'a> {
    out.extend(element.raw.iter().take(element.raw.len() - element.content.len()));
    Reader::new(element.content)
}

/// Equal octets are equal text in these.
const fn is_utf8(tag: u8) -> bool {
    matches!(tag, IA5_STRING | PRINTABLE_STRING | UTF8_STRING)
}
