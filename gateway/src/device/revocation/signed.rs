//! What certificates and CRLs have in common: something signed, an algorithm and a signature.

use rustls::pki_types::SignatureVerificationAlgorithm;

use super::der::{self, Element, Reader, SEQUENCE};
use super::parse::ParseError;

/// The outermost sequence of a certificate or CRL.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signed<'a> {
    /// What is signed.
    pub(super) content: Element<'a>,
    /// The content of the `AlgorithmIdentifier` that it is signed with.
    pub(super) algorithm: &'a [u8],
    pub(super) signature: &'a [u8],
}

impl<'a> Signed<'a> {
    pub(super) fn read(der: &'a [u8]) -> Result<Self, ParseError> {
        let malformed = ParseError::within("the outermost sequence");
        let mut parts = Reader::new(der::only(der, SEQUENCE).map_err(malformed)?.content);
        let content = parts.expect(SEQUENCE).map_err(malformed)?;
        let algorithm = parts.expect(SEQUENCE).map_err(malformed)?.content;
        let signature = parts.expect(der::BIT_STRING).map_err(malformed)?.content;
        parts.finish().map_err(malformed)?;
        let signature = der::bits(signature).map_err(ParseError::within("the signature"))?;
        Ok(Self { content, algorithm, signature })
    }
}

/// Those of `algorithms` that something with this `AlgorithmIdentifier` is signed with.
pub(super) fn fitting<'b>(
    algorithms: &[&'b dyn SignatureVerificationAlgorithm],
    identifier: &[u8],
) -> Vec<&'b dyn SignatureVerificationAlgorithm> {
    let algorithms = algorithms.iter().copied();
    algorithms.filter(|algorithm| algorithm.signature_alg_id().as_ref() == identifier).collect()
}
