//! Certificate signing requests: made, and read.

use rcgen::{IsCa, SubjectPublicKeyInfo};
use rustls::pki_types::CertificateSigningRequestDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;

use super::authority::{AuthorityError, Subject, constraints, of_subject};
use super::host::HostError;
use super::key::MIN_RSA_BITS;
use super::layout::{Unsigned, field};
use super::profile::PathLength;
use super::{Host, Name, Signer, layout};
use crate::device::trust::certificate_algorithms;

/// A request whose signature was checked: who made it has the key.
#[derive(Clone, Debug)]
pub struct Request {
    /// What it asks for.
    pub subject: Subject,
    /// The key that it is about.
    pub key: SubjectPublicKeyInfo,
}

/// Why a request cannot be granted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not a request.
    #[error("this is not a certificate signing request (`-----BEGIN CERTIFICATE REQUEST-----`)")]
    Malformed,
    /// It was not signed by the key that it is about.
    #[error(
        "the request's signature does not verify: who made it does not have the key, or it was changed since"
    )]
    Signature,
    /// A key that would be refused.
    #[error("the request's key is RSA with {0} bits; {MIN_RSA_BITS} are the least that count")]
    WeakKey(usize),
    /// A key of an algorithm that is not known here.
    #[error("the request's key is neither RSA, ECDSA on P-256, P-384 or P-521, nor Ed25519")]
    Key,
    /// A kind of name that is not issued.
    #[error(
        "the request asks for a kind of alternative name that is not issued here: host names, IP addresses, mail \
             addresses and URIs are"
    )]
    Name,
    /// A name that a certificate cannot have.
    #[error("the request asks for an alternative name that is none: {0}")]
    Host(HostError),
}

/// A request for a certificate over `key`, signed with it: DER.
pub fn request(
    subject: &Subject,
    ca: Option<PathLength>,
    key: &dyn Signer,
) -> Result<Vec<u8>, AuthorityError> {
    let mut params = of_subject(subject)?;
    params.is_ca = ca.map_or(IsCa::NoCa, constraints);
    let laid_out = params.serialize_request(&Unsigned(key))?;
    Ok(layout::sign(laid_out.der(), &[(field::REQUEST_SUBJECT, subject.name.der())], key)?)
}

impl Request {
    /// Reads a request from PEM.
    pub fn parse(pem: &[u8]) -> Result<Self, RequestError> {
        let der = CertificateSigningRequestDer::from_pem_slice(pem).map_err(|_| RequestError::Malformed)?;
        Self::from_der(&der)
    }

    /// Reads a request from DER.
    pub fn from_der(der: &[u8]) -> Result<Self, RequestError> {
        let (_, parsed) = X509CertificationRequest::from_der(der).map_err(|_| RequestError::Malformed)?;
        let info = &parsed.certification_request_info;
        if let Ok(PublicKey::RSA(key)) = info.subject_pki.parsed()
            && key.key_size() < MIN_RSA_BITS
        {
            return Err(RequestError::WeakKey(key.key_size()));
        }
        let key = SubjectPublicKeyInfo::from_der(info.subject_pki.raw).map_err(|_| RequestError::Key)?;
        if !is_signed(&parsed) {
            return Err(RequestError::Signature);
        }
        let subject = Subject { name: Name::from_der(info.subject.as_raw()), hosts: hosts(&parsed)? };
        Ok(Self { subject, key })
    }
}

fn is_signed(request: &X509CertificationRequest<'_>) -> bool {
    let info = &request.certification_request_info;
    let key = info.subject_pki.subject_public_key.data.as_ref();
    // Whichever of them fits: of the others, none verifies.
    certificate_algorithms(false)
        .iter()
        .any(|algorithm| algorithm.verify_signature(key, info.raw, &request.signature_value.data).is_ok())
}

fn hosts(request: &X509CertificationRequest<'_>) -> Result<Vec<Host>, RequestError> {
    let extensions = request.requested_extensions().into_iter().flatten();
    let names = extensions.filter_map(|extension| match extension {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
        _ => None,
    });
    // cfssl's own requests have empty ones, where the product document's example does.
    names.flatten().filter(|name| !matches!(name, GeneralName::DNSName(""))).map(host).collect()
}

fn host(name: &GeneralName<'_>) -> Result<Host, RequestError> {
    // Whoever made the request may have written anything there.
    let checked = |text: &str, is: fn(&Host) -> bool| {
        let host = Host::parse(text).ok().filter(is);
        host.ok_or_else(|| RequestError::Host(HostError(text.to_owned())))
    };
    let octets = match *name {
        GeneralName::DNSName(text) => return checked(text, |host| matches!(host, Host::Dns(_))),
        GeneralName::RFC822Name(text) => return checked(text, |host| matches!(host, Host::Email(_))),
        GeneralName::URI(text) => return checked(text, |host| matches!(host, Host::Uri(_))),
        GeneralName::IPAddress(octets) => octets,
        _ => return Err(RequestError::Name),
    };
    match *octets {
        [a, b, c, d] => Ok(Host::Ip([a, b, c, d].into())),
        _ => {
            <[u8; 16]>::try_from(octets).map(|octets| Host::Ip(octets.into())).map_err(|_| RequestError::Name)
        }
    }
}
