//! Names and signatures in what rcgen lays out.
//!
//! rcgen keeps a name as a map by type: `DC=example,DC=com`, or several units in one part, as cfssl writes them, would lose
//! attributes, and a certificate whose issuer is not the CA's subject to the letter verifies nowhere. So rcgen gets a
//! placeholder, and the name goes in as DER before anything is signed.

use rcgen::{PublicKeyData, SignatureAlgorithm, SigningKey};
use x509_parser::asn1_rs::{Any, FromDer as _};

use super::Signer;

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// Where names stand in what is signed, from 0.
pub(super) mod field {
    /// The issuer of a certificate.
    pub(crate) const CERTIFICATE_ISSUER: usize = 3;
    /// The subject of a certificate.
    pub(crate) const CERTIFICATE_SUBJECT: usize = 5;
    /// The issuer of a CRL.
    pub(crate) const LIST_ISSUER: usize = 2;
    /// The subject of a request.
    pub(crate) const REQUEST_SUBJECT: usize = 1;
}

/// A signer as rcgen sees it: its signature comes later.
pub(super) struct Unsigned<'a>(pub(super) &'a dyn Signer);

impl PublicKeyData for Unsigned<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.0.algorithm()
    }
}

impl SigningKey for Unsigned<'_> {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(Vec::new())
    }
}

/// Puts names into their fields, and signs.
pub(super) fn sign(
    laid_out: &[u8],
    names: &[(usize, &[u8])],
    signer: &dyn Signer,
) -> Result<Vec<u8>, rcgen::Error> {
    let damaged = || rcgen::Error::CouldNotParseCertificate;
    let outer = children(laid_out).ok_or_else(damaged)?;
    let [content, algorithm, _] = *outer.as_slice() else { return Err(damaged()) };
    let mut fields = children(content).ok_or_else(damaged)?;
    for (place, name) in names {
        *fields.get_mut(*place).ok_or_else(damaged)? = name;
    }
    let content = wrap(SEQUENCE, &fields.concat());
    // No bit of the last octet is unused.
    let signature = [&[0], &*signer.sign(&content)?].concat();
    Ok(wrap(SEQUENCE, &[&*content, algorithm, &wrap(BIT_STRING, &signature)].concat()))
}

/// The elements in a constructed one, tags and lengths included.
fn children(der: &[u8]) -> Option<Vec<&[u8]>> {
    let (_, outer) = Any::from_der(der).ok()?;
    let (mut rest, mut elements) = (outer.data, Vec::new());
    while !rest.is_empty() {
        let (after, _) = Any::from_der(rest).ok()?;
        elements.push(rest.get(..rest.len() - after.len())?);
        rest = after;
    }
    Some(elements)
}

/// An element of DER.
pub(super) fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut element = Vec::with_capacity(content.len() + 10);
    element.push(tag);
    let length = content.len().to_be_bytes();
    let digits: Vec<_> = length.into_iter().skip_while(|octet| *octet == 0).collect();
    match *digits.as_slice() {
        [] => element.push(0),
        [short @ ..128] => element.push(short),
        _ => {
            element.push(u8::try_from(digits.len()).map_or(u8::MAX, |count| 0x80 | count));
            element.extend(digits);
        }
    }
    element.extend_from_slice(content);
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_as_short_as_can_be() {
        for (length, header) in [
            (0, vec![4, 0]),
            (127, vec![4, 127]),
            (128, vec![4, 0x81, 128]),
            (255, vec![4, 0x81, 255]),
            (256, vec![4, 0x82, 1, 0]),
            (65_536, vec![4, 0x83, 1, 0, 0]),
        ] {
            let element = wrap(4, &vec![7; length]);
            assert_eq!(element[..header.len()], header, "{length}");
            assert_eq!(children(&wrap(SEQUENCE, &element)).unwrap(), [&*element], "{length}");
        }
    }
}
