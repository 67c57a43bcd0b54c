//! Just enough DER to take certificates apart and put them together again.

use x509_parser::asn1_rs::{Any, FromDer as _};

/// The elements that follow each other in `der`, each with its tag and length. `None` where that is not DER.
pub(crate) fn elements(mut der: &[u8]) -> Option<Vec<&[u8]>> {
    let mut elements = Vec::new();
    while !der.is_empty() {
        let (rest, _) = Any::from_der(der).ok()?;
        let (element, _) = der.split_at(der.len() - rest.len());
        elements.push(element);
        der = rest;
    }
    Some(elements)
}

/// What is in the one element that `der` is.
pub(super) fn content(der: &[u8]) -> Option<&[u8]> {
    let (rest, element) = Any::from_der(der).ok()?;
    rest.is_empty().then_some(element.data)
}

/// An element of a tag and the concatenation of `parts`.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let digits = content.len().to_be_bytes();
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    let length = match content.len() {
        short @ 0..0x80 => vec![u8::try_from(short).unwrap()],
        _ => [&[0x80 | u8::try_from(digits.len() - zeros).unwrap()], &digits[zeros..]].concat(),
    };
    [vec![tag], length, content].concat()
}

/// What a certificate or a CRL is made of: what is signed, with which algorithm, and the signature as a BIT STRING.
pub(super) fn signed(body: &[u8], algorithm: &[u8], signature: &[u8]) -> Vec<u8> {
    element(0x30, &[body, algorithm, &element(3, &[&[0], signature])])
}
