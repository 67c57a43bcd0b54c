//! Header hygiene: what a client may not say to an origin, and what we say instead.

use http::header::{self, Entry, HeaderMap, HeaderName, HeaderValue};

use crate::device::Device;

/// Set by us, so never taken from a client (invariant 9); and the secret that is for us alone. Lower case, with hyphens.
const RESERVED: [&str; 8] = [
    "cf-access-client-id",
    "cf-access-client-secret",
    "cf-client-cert-der-base64",
    "cf-client-cert-sha256",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

const DER_BASE64: HeaderName = HeaderName::from_static("cf-client-cert-der-base64");
const SHA256: HeaderName = HeaderName::from_static("cf-client-cert-sha256");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// What is added to a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Added<'a> {
    /// The device; only a verified one is told of.
    pub(super) device: &'a Device,
    /// Whether the origin gets the certificate.
    pub(super) forward_certificate: bool,
    /// The client's address.
    pub(super) source: &'a HeaderValue,
}

/// Makes a client's headers fit for an origin: hop-by-hop and reserved ones go, ours come. They come last, so that a
/// client cannot have them removed by naming them in `Connection`.
pub(super) fn to_origin(headers: &mut HeaderMap, added: &Added<'_>) {
    strip_hop_by_hop(headers);
    headers.remove(header::EXPECT);
    strip_reserved(headers);
    headers.insert(FORWARDED_FOR, added.source.clone());
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("https"));
    if let (true, Some(verified)) = (added.forward_certificate, added.device.verified()) {
        headers.insert(DER_BASE64, verified.identity.der_base64.clone());
        headers.insert(SHA256, verified.identity.sha256.clone());
    }
}

/// Takes out what is only for the next hop (RFC 9110, 7.6.1), and whatever `Connection` names.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if let Entry::Occupied(connection) = headers.entry(header::CONNECTION) {
        let (_, values) = connection.remove_entry_mult();
        let named: Vec<HeaderName> = values
            .filter_map(|value| {
                Some(value.to_str().ok()?.split(',').filter_map(|name| name.trim().parse().ok()).collect())
            })
            .flat_map(|names: Vec<HeaderName>| names)
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in [KEEP_ALIVE, PROXY_CONNECTION, header::TE, header::TRANSFER_ENCODING, header::UPGRADE] {
        headers.remove(name);
    }
}

/// Takes out every header that only we may set, however it is spelled: origins that read headers like CGI does see no
/// difference between `-` and `_`.
pub(super) fn strip_reserved(headers: &mut HeaderMap) {
    let found: Vec<HeaderName> = headers.keys().filter(|name| is_reserved(name.as_str())).cloned().collect();
    for name in found {
        headers.remove(name);
    }
}

fn is_reserved(name: &str) -> bool {
    let normalised = || name.bytes().map(|byte| if byte == b'_' { b'-' } else { byte });
    RESERVED.iter().any(|reserved| reserved.len() == name.len() && reserved.bytes().eq(normalised()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::device::tests::verified;

    fn processed(client: &[(&str, &str)], device: &Device) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in client {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let source = HeaderValue::from_static("192.0.2.1");
        to_origin(&mut headers, &Added { device, forward_certificate: true, source: &source });
        headers
    }

    #[test]
    fn a_client_cannot_say_what_only_we_say() {
        let forged = [
            ("Cf-Client-Cert-Sha256", "forged"),
            ("cf-client-cert-sha256", "forged again"),
            ("CF_CLIENT_CERT_SHA256", "forged"),
            ("cf-client_cert-der_base64", "forged"),
            ("X_Forwarded_For", "10.0.0.1"),
            ("Forwarded", "for=10.0.0.1"),
            ("x-forwarded-host", "admin.internal"),
        ];
        let headers = processed(&forged, &Device::Absent);
        let names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x-forwarded-for", "x-forwarded-proto"]);
        assert_eq!(headers["x-forwarded-for"], "192.0.2.1");
    }

    #[test]
    fn naming_our_headers_in_connection_removes_the_clients_and_keeps_ours() {
        let device = Device::Verified(Arc::new(verified("device")));
        let named = [
            ("connection", "close, Cf-Client-Cert-Sha256, x-custom"),
            ("x-custom", "gone"),
            ("te", "trailers"),
        ];
        let headers = processed(&named, &device);
        assert_eq!(headers["cf-client-cert-sha256"], device.identity().unwrap().sha256);
        assert!(
            !headers.contains_key("x-custom")
                && !headers.contains_key("connection")
                && !headers.contains_key("te")
        );
    }

    #[test]
    fn the_certificate_is_forwarded_only_when_it_verified() {
        assert!(!processed(&[], &Device::Absent).contains_key("cf-client-cert-der-base64"));
        let device = Device::Verified(Arc::new(verified("device")));
        assert!(processed(&[], &device).contains_key("cf-client-cert-der-base64"));
    }
}
