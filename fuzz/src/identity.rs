//! What holds of an identity, whatever its certificate says.

use fleetgate::device::distinguished_name::DistinguishedName;
use fleetgate::device::identity::{Fingerprint, Identity};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::x509::X509Name;

#[path = "../../gateway/src/device/tests/der.rs"]
mod der;

const TEMPLATE: &[u8] = include_bytes!("../../gateway/src/device/tests/data/sha1-p256-device.cer");

/// Object identifiers of name attributes, as the contents of their DER.
const TYPES: [&[u8]; 4] =
    [&[0x55, 4, 3], &[0x55, 4, 10], &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25], &[0x2a, 3, 4]];

/// Takes octets for a certificate, for what a name says, for a name, and for subject alternative names. How many of these
/// could be read.
pub(crate) fn check(octets: &[u8]) -> usize {
    let ways = [
        octets,
        &certificate(&name(octets), &[]),
        &certificate(&der::element(0x30, &[octets]), &[]),
        &certificate(&der::element(0x30, &[]), octets),
    ];
    ways.into_iter().filter(|der| read(der)).count()
}

/// Inputs to begin with. Each is a list of attributes: which type, which string type, how long, what.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let cn = |tag: u8, value: &[u8]| attribute(0, tag, value);
    vec![
        cn(12, b"device-1"),
        cn(12, b"admin\0.attacker.example"),
        cn(30, &[0, b'a', 0x20, 0xac]),
        cn(30, &[0, b'a', 0]),
        cn(30, &[0xd8, 0]),
        cn(12, &[b'a'; 64]),
        cn(12, &[b'a'; 65]),
        [cn(12, b"one"), cn(12, b"two")].concat(),
        [cn(12, b"one"), cn(22, b"one")].concat(),
        [attribute(1, 12, b"a,O=b/CN=c+d"), attribute(2, 22, b"example")].concat(),
        cn(20, &[0xe9]),
        cn(28, &[0, 1, 0xf6, 0]),
        cn(12, &[0xff]),
        cn(12, b" # \\ \r\n\x7f \""),
        cn(12, "\u{202e}\u{85}".as_bytes()),
        cn(12, b""),
        attribute(3, 2, &[1]),
        // Subject alternative names: two host names, an address of each kind, and one of five octets.
        [&[0x82, 1, b'a', 0x82, 2, b'*', b'.'][..], &[0x87, 4, 192, 0, 2, 1], &[0x87, 5, 1, 2, 3, 4, 5]]
            .concat(),
    ]
}

fn attribute(kind: u8, tag: u8, value: &[u8]) -> Vec<u8> {
    [&[kind, tag, u8::try_from(value.len()).unwrap_or(u8::MAX)], value].concat()
}

/// A Name of the attributes that `octets` list. The type's high bit puts one beside the one before.
fn name(mut octets: &[u8]) -> Vec<u8> {
    let mut relative: Vec<Vec<u8>> = Vec::new();
    while let [kind, tag, length, rest @ ..] = octets {
        let (value, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        let oid = TYPES.get(usize::from(kind & 0x7f)).copied().unwrap_or(TYPES[0]);
        let attribute = der::element(0x30, &[&der::element(6, &[oid]), &der::element(*tag, &[value])]);
        match relative.last_mut() {
            Some(last) if kind & 0x80 != 0 => last.extend(attribute),
            _ => relative.push(attribute),
        }
        octets = rest;
    }
    let relative: Vec<_> = relative.iter().map(|attributes| der::element(0x31, &[attributes])).collect();
    der::element(0x30, &relative.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// The template with another subject and issuer, and with alternative names where there are any.
fn certificate(name: &[u8], alternative_names: &[u8]) -> Vec<u8> {
    let parts = |der| der::content(der).and_then(der::elements).unwrap_or_default();
    let (whole, extension) = (parts(TEMPLATE), der::element(0x30, &[alternative_names]));
    let extension = der::element(0x30, &[&[6, 3, 0x55, 0x1d, 17], &der::element(4, &[&extension])]);
    let extensions = der::element(0xa3, &[&der::element(0x30, &[&extension])]);
    let mut body = parts(whole[0]);
    (body[3], body[5]) = (name, name);
    body.truncate(7);
    body.push(&extensions);
    // Nobody looks at the signature.
    der::signed(&der::element(0x30, &body), whole[1], &[])
}

fn read(der: &[u8]) -> bool {
    let fingerprint = Fingerprint::of(der);
    let Ok(identity) = Identity::read(der, fingerprint) else { return false };
    let (_, certificate) = X509Certificate::from_der(der).expect("it was read");
    check_name(&identity.subject, certificate.subject());
    check_name(&identity.issuer, certificate.issuer());
    let names = certificate.subject().iter_common_name().count();
    assert!(identity.common_names.len() <= names);
    if let Some(name) = &identity.common_name {
        assert_eq!((names, &*identity.common_names), (1, std::slice::from_ref(name)), "two names are none");
    }
    assert_eq!(identity.sha256, fingerprint.hex());
    assert!(identity.der_base64.to_str().is_ok());
    assert!(identity.serial.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F')));
    assert_eq!(identity.facts().common_names, &*identity.common_names);
    true
}

/// As many attributes can be read from the text as there are, and nothing in it ends a line or a string early.
fn check_name(text: &DistinguishedName, name: &X509Name<'_>) {
    let attributes = name.iter_attributes().count();
    let mut separators = 0;
    let mut characters = text.rfc2253.chars();
    while let Some(character) = characters.next() {
        assert!(!character.is_control(), "{text:?}");
        match character {
            '\\' => assert!(characters.next().is_some(), "{text:?}"),
            ',' | '+' => separators += 1,
            _ => {}
        }
    }
    assert_eq!(separators, attributes.saturating_sub(1), "{text:?}");
    assert!(text.legacy.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{text:?}");
    assert_eq!(text.legacy.matches('/').count(), attributes, "{text:?}");
}
