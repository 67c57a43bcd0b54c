//! Distinguished names as text: RFC 2253, and the one-line form that older software expects.

use std::fmt::Write as _;

use x509_parser::asn1_rs::{Any, Oid, Tag};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// A subject or issuer in the formats that origins and people read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DistinguishedName {
    /// RFC 2253: most specific first, `CN=James Royal,OU=Access Admins,O=Access`. Also the default format.
    pub rfc2253: Box<str>,
    /// OpenSSL's one line: in the certificate's order, `/C=US/ST=Texas/CN=James Royal`.
    pub legacy: Box<str>,
}

impl DistinguishedName {
    /// Reads a name. Nothing in it is lost or taken for something else: what is not text is shown in hexadecimal.
    pub fn read(name: &X509Name<'_>) -> Self {
        let mut parts: Vec<String> = name
            .iter_rdn()
            .map(|relative| {
                let parts: Vec<String> =
                    relative.iter().map(|attribute| part(attribute, escape_rfc2253)).collect();
                parts.join("+")
            })
            .collect();
        parts.reverse();
        let legacy = name.iter_attributes().fold(String::new(), |mut line, attribute| {
            line.push('/');
            line.push_str(&part(attribute, escape_legacy));
            line
        });
        Self { rfc2253: parts.join(",").into(), legacy: legacy.into() }
    }
}

/// The text of an attribute, if its type is text and its bytes are. NUL and all: who compares must see it.
pub fn text(value: &Any<'_>) -> Option<String> {
    let bytes = value.data;
    match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            String::from_utf8(bytes.to_vec()).ok()
        }
        // T.61 in certificates is Latin-1 in practice (RFC 5280, appendix A, calls it TeletexString).
        Tag::T61String => Some(bytes.iter().copied().map(char::from).collect()),
        Tag::BmpString => {
            let (units, []) = bytes.as_chunks::<2>() else { return None };
            String::from_utf16(&units.iter().copied().map(u16::from_be_bytes).collect::<Vec<_>>()).ok()
        }
        Tag::UniversalString => {
            let (units, []) = bytes.as_chunks::<4>() else { return None };
            units.iter().copied().map(|unit| char::from_u32(u32::from_be_bytes(unit))).collect()
        }
        _ => None,
    }
}

fn part(attribute: &AttributeTypeAndValue<'_>, escape: fn(&str) -> String) -> String {
    let name =
        short_name(attribute.attr_type()).map_or_else(|| attribute.attr_type().to_id_string(), str::to_owned);
    match text(attribute.attr_value()) {
        Some(value) => format!("{name}={}", escape(&value)),
        // RFC 2253, 2.4: `#` and the value's DER in hexadecimal. Here its content, since no tag would be text anyway.
        None => attribute.attr_value().data.iter().fold(format!("{name}=#"), |mut line, byte| {
            let _ = write!(line, "{byte:02X}");
            line
        }),
    }
}

/// RFC 2253, 2.4; control characters as `\` and two digits, which the RFC allows for any byte.
fn escape_rfc2253(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut escaped = String::with_capacity(value.len());
    for (index, character) in value.chars().enumerate() {
        let at_an_end =
            (character == ' ' && (index == 0 || index == last)) || (character == '#' && index == 0);
        match character {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => escaped.extend(['\\', character]),
            _ if at_an_end => escaped.extend(['\\', character]),
            _ if character.is_control() => escape_bytes(&mut escaped, character, "\\"),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// OpenSSL's `X509_NAME_oneline`: what is not printable ASCII as `\x` and two digits a byte. Unlike OpenSSL we also
/// escape `/`, so that no value can look like the next attribute.
fn escape_legacy(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '/' | '\\' => escape_bytes(&mut escaped, character, "\\x"),
            ' '..='~' => escaped.push(character),
            _ => escape_bytes(&mut escaped, character, "\\x"),
        }
    }
    escaped
}

fn escape_bytes(to: &mut String, character: char, prefix: &str) {
    for byte in character.encode_utf8(&mut [0; 4]).bytes() {
        let _ = write!(to, "{prefix}{byte:02X}");
    }
}

/// The names that RFC 4514 and OpenSSL give to attribute types.
fn short_name(oid: &Oid<'_>) -> Option<&'static str> {
    const NAMES: [(&str, &str); 18] = [
        ("2.5.4.3", "CN"),
        ("2.5.4.4", "SN"),
        ("2.5.4.5", "serialNumber"),
        ("2.5.4.6", "C"),
        ("2.5.4.7", "L"),
        ("2.5.4.8", "ST"),
        ("2.5.4.9", "street"),
        ("2.5.4.10", "O"),
        ("2.5.4.11", "OU"),
        ("2.5.4.12", "title"),
        ("2.5.4.13", "description"),
        ("2.5.4.17", "postalCode"),
        ("2.5.4.42", "GN"),
        ("2.5.4.46", "dnQualifier"),
        ("2.5.4.97", "organizationIdentifier"),
        ("0.9.2342.19200300.100.1.1", "UID"),
        ("0.9.2342.19200300.100.1.25", "DC"),
        ("1.2.840.113549.1.9.1", "emailAddress"),
    ];
    let dotted = oid.to_id_string();
    NAMES.iter().find(|(known, _)| *known == dotted).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_parser::prelude::FromDer as _;

    /// A Name of `(oid, tag, value)` attributes, each in an RDN of its own.
    fn name(attributes: &[(&[u8], u8, &[u8])]) -> Vec<u8> {
        let wrap = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
        let rdns: Vec<u8> = attributes
            .iter()
            .flat_map(|(oid, tag, value)| {
                wrap(0x31, &wrap(0x30, &[wrap(6, oid), wrap(*tag, value)].concat()))
            })
            .collect();
        wrap(0x30, &rdns)
    }

    fn read(der: &[u8]) -> DistinguishedName {
        DistinguishedName::read(&X509Name::from_der(der).unwrap().1)
    }

    const CN: &[u8] = &[0x55, 4, 3];
    const C: &[u8] = &[0x55, 4, 6];
    const UTF8: u8 = 12;
    const BMP: u8 = 30;

    #[test]
    fn the_documents_client_reads_as_documented() {
        let (st, l, o, ou) = ([0x55, 4, 8], [0x55, 4, 7], [0x55, 4, 10], [0x55, 4, 11]);
        let der = name(&[
            (C, 19, b"US"),
            (&st, UTF8, b"Texas"),
            (&l, UTF8, b"Austin"),
            (&o, UTF8, b"Access"),
            (&ou, UTF8, b"Access Admins"),
            (CN, UTF8, b"James Royal"),
        ]);
        let read = read(&der);
        assert_eq!(&*read.rfc2253, "CN=James Royal,OU=Access Admins,O=Access,L=Austin,ST=Texas,C=US");
        assert_eq!(&*read.legacy, "/C=US/ST=Texas/L=Austin/O=Access/OU=Access Admins/CN=James Royal");
    }

    #[test]
    fn no_value_can_look_like_another_attribute() {
        let der = name(&[(CN, UTF8, b"a,O=b/O=c+d"), (C, 19, b"US")]);
        let read = read(&der);
        assert_eq!(&*read.rfc2253, "C=US,CN=a\\,O=b/O=c\\+d");
        assert_eq!(&*read.legacy, "/CN=a,O=b\\x2FO=c+d/C=US");
    }

    #[test]
    fn controls_spaces_and_an_embedded_nul_are_seen() {
        let der = name(&[(CN, UTF8, b" #a\0b\r\n ")]);
        let read = read(&der);
        assert_eq!(&*read.rfc2253, "CN=\\ #a\\00b\\0D\\0A\\ ");
        assert_eq!(&*read.legacy, "/CN= #a\\x00b\\x0D\\x0A ");
    }

    #[test]
    fn two_byte_strings_are_decoded_and_broken_ones_shown_in_hexadecimal() {
        assert_eq!(&*read(&name(&[(CN, BMP, &[0, b'a', 0x20, 0xac])])).rfc2253, "CN=a€");
        assert_eq!(&*read(&name(&[(CN, BMP, &[0, b'a', 0])])).rfc2253, "CN=#006100");
        assert_eq!(&*read(&name(&[(CN, UTF8, &[0xff])])).rfc2253, "CN=#FF");
    }

    #[test]
    fn an_unknown_attribute_is_named_by_its_oid() {
        assert_eq!(&*read(&name(&[(&[0x2a, 3, 4], UTF8, b"x")])).rfc2253, "1.2.3.4=x");
    }
}
