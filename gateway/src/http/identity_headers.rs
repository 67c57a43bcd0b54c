//! What origins and devices are told about a device's certificate. Made once for a connection; a request takes copies that
//! share their bytes.

mod facts;
mod rfc9440;
mod xfcc;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::device::Device;
use crate::model::forwarding::{CertField, Forwarding, Part, Requests, Template};
use facts::value;

/// A header that is set.
type Header = (HeaderName, HeaderValue);

const DER_BASE64: HeaderName = HeaderName::from_static("cf-client-cert-der-base64");
const SHA256: HeaderName = HeaderName::from_static("cf-client-cert-sha256");
const CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");
const CLIENT_CERT_CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");
const XFCC: HeaderName = HeaderName::from_static("x-forwarded-client-cert");

/// The headers of the managed transform that are texts, and what they say.
const TRANSFORM: [(&str, CertField); 14] = [
    ("cf-cert-issuer-dn", CertField::IssuerDn),
    ("cf-cert-subject-dn", CertField::SubjectDn),
    ("cf-cert-issuer-dn-rfc2253", CertField::IssuerDnRfc2253),
    ("cf-cert-subject-dn-rfc2253", CertField::SubjectDnRfc2253),
    ("cf-cert-issuer-dn-legacy", CertField::IssuerDnLegacy),
    ("cf-cert-subject-dn-legacy", CertField::SubjectDnLegacy),
    ("cf-cert-serial", CertField::Serial),
    ("cf-cert-issuer-serial", CertField::IssuerSerial),
    ("cf-cert-fingerprint-sha256", CertField::FingerprintSha256),
    ("cf-cert-fingerprint-sha1", CertField::FingerprintSha1),
    ("cf-cert-not-before", CertField::NotBefore),
    ("cf-cert-not-after", CertField::NotAfter),
    ("cf-cert-ski", CertField::Ski),
    ("cf-cert-issuer-ski", CertField::IssuerSki),
];

/// What is told of one device.
#[derive(Debug, Default)]
pub(super) struct IdentityHeaders {
    /// To the origin, with every request.
    pub(super) request: Box<[Header]>,
    /// To the origin, with the first request of a connection.
    pub(super) first_request: Box<[Header]>,
    /// To the device, with every response.
    pub(super) response: Box<[Header]>,
}

impl IdentityHeaders {
    /// What `rules` want told of `device`. Only a certificate that verified is told of; of another one, only that it was
    /// presented and why it counts for nothing.
    pub(super) fn new(rules: &Forwarding, device: &Device) -> Self {
        let (mut request, mut first_request, mut response) = (Vec::new(), Vec::new(), Vec::new());
        if let Some(verified) = device.verified() {
            let identity = &verified.identity;
            let cloudflare = [(DER_BASE64, identity.der_base64.clone()), (SHA256, identity.sha256.clone())];
            match rules.cloudflare {
                Requests::None => {}
                Requests::First => first_request.extend(cloudflare),
                Requests::All => request.extend(cloudflare),
            }
            if rules.rfc9440 {
                let certificate = rfc9440::certificate(verified).and_then(header);
                request.extend(certificate.map(|value| (CLIENT_CERT, value)));
                request.extend(
                    rfc9440::chain(verified).and_then(header).map(|value| (CLIENT_CERT_CHAIN, value)),
                );
            }
            if rules.xfcc {
                request.extend(header(xfcc::element(identity)).map(|value| (XFCC, value)));
            }
        }
        let transform = transform(device);
        if rules.managed_transform.on_request() {
            request.extend(transform.iter().cloned());
        }
        if rules.managed_transform.on_response() {
            response = transform;
        }
        let own = rules.headers.iter();
        request
            .extend(own.filter_map(|(name, template)| Some((name.clone(), header(fill(template, device))?))));
        Self { request: request.into(), first_request: first_request.into(), response: response.into() }
    }

    /// Adds `headers`, in place of any of the same name.
    pub(super) fn put(headers: &[Header], to: &mut HeaderMap) {
        for (name, value) in headers {
            to.insert(name.clone(), value.clone());
        }
    }
}

fn transform(device: &Device) -> Vec<Header> {
    let word = |is: bool| HeaderValue::from_static(if is { "true" } else { "false" });
    let presented = !matches!(device, Device::Absent);
    let revoked = value(CertField::Revoked, device) == "1";
    let mut headers = vec![
        (HeaderName::from_static("cf-cert-presented"), word(presented)),
        (HeaderName::from_static("cf-cert-verified"), word(device.verified().is_some())),
        (HeaderName::from_static("cf-cert-revoked"), word(revoked)),
    ];
    if device.verified().is_some() {
        let texts = TRANSFORM.iter().map(|(name, field)| (*name, value(*field, device)));
        let texts = texts.filter(|(_, text)| !text.is_empty());
        headers.extend(texts.filter_map(|(name, text)| Some((HeaderName::from_static(name), header(text)?))));
    }
    headers
}

fn fill(template: &Template, device: &Device) -> String {
    let parts = template.0.iter().map(|part| match part {
        Part::Text(text) => text.to_string(),
        Part::Field(field) => value(*field, device),
    });
    parts.collect()
}

/// A header's value: what is not visible ASCII as `\u00` and two digits for each octet of its UTF-8, as Cloudflare does.
fn header(text: String) -> Option<HeaderValue> {
    use std::fmt::Write as _;
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return HeaderValue::try_from(text).ok();
    }
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b' '..=b'~') {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "\\u{byte:04x}");
        }
    }
    HeaderValue::try_from(escaped).ok()
}

#[cfg(test)]
mod tests;
