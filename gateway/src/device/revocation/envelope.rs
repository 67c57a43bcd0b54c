//! The wrappings that CRLs come in: DER, PEM, or the bare base64 that `cfssl gencrl` prints.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::{self, PemObject as _};

use super::der::SEQUENCE;

/// Why there is no CRL in a file.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// Nothing that a CRL is ever wrapped in.
    #[error(
        "this is neither DER, PEM nor base64; a CRL starts with `-----BEGIN X509 CRL-----`, `MI` or the octet 0x30"
    )]
    NotACrl,
    /// PEM without a CRL.
    #[error("the PEM holds no `-----BEGIN X509 CRL-----`; a certificate or key is not a CRL")]
    NoCrl,
    /// A PEM section is damaged.
    #[error("the CRL is not valid PEM: {0}")]
    Pem(pem::Error),
    /// Larger than is allowed.
    #[error(
        "the file has {octets} octets, more than the {most} that are allowed; raise the limit or split the CRL"
    )]
    TooLarge {
        /// How large it is.
        octets: usize,
        /// How large it may be.
        most: usize,
    },
}

/// The DER of every CRL in a file, at least one; PEM may hold several.
pub fn decode(file: &[u8], most: usize) -> Result<Vec<CertificateRevocationListDer<'_>>, EnvelopeError> {
    if file.len() > most {
        return Err(EnvelopeError::TooLarge { octets: file.len(), most });
    }
    if file.first() == Some(&SEQUENCE) {
        return Ok(vec![file.into()]);
    }
    if file.windows(BEGIN.len()).any(|window| window == BEGIN) {
        return pem(file);
    }
    let text: Vec<u8> = file.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect();
    match STANDARD.decode(text) {
        Ok(der) if der.first() == Some(&SEQUENCE) => Ok(vec![der.into()]),
        _ => Err(EnvelopeError::NotACrl),
    }
}

const BEGIN: &[u8] = b"-----BEGIN ";

fn pem(file: &[u8]) -> Result<Vec<CertificateRevocationListDer<'_>>, EnvelopeError> {
    let lists = CertificateRevocationListDer::pem_slice_iter(file)
        .collect::<Result<Vec<_>, _>>()
        .map_err(EnvelopeError::Pem)?;
    if lists.is_empty() { Err(EnvelopeError::NoCrl) } else { Ok(lists) }
}
