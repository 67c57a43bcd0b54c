//! Header hygiene: what a client may not say to an origin, and what we say instead.

use std::net::IpAddr;

use http::header::{self, Entry, HeaderMap, HeaderName, HeaderValue};

use super::identity_headers::IdentityHeaders;
use super::trace;
use crate::model::forwarding::{Forwarding, Template};
use crate::model::hostname::Hostname;

/// Set by us, so never taken from a client (invariant 9), whether a switch sets them now or not: an origin may still believe
/// them; and the secret that is for us alone. Lower case, with hyphens.
const RESERVED: [&str; 12] = [
    "cf-access-client-id",
    "cf-access-client-secret",
    "cf-access-jwt-assertion",
    "cf-client-cert-der-base64",
    "cf-client-cert-sha256",
    "client-cert",
    "client-cert-chain",
    "forwarded",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// What frames a message. Spelled with `_` it frames nothing here, but may for an origin that reads headers like CGI does.
const FRAMING: [&str; 5] =
    ["content-length", "keep-alive", "proxy-connection", "transfer-encoding", "http2-settings"];

/// What the names of the managed transform begin with, those that are still to come included.
const RESERVED_PREFIX: &str = "cf-cert-";

const ASSERTION: HeaderName = HeaderName::from_static("cf-access-jwt-assertion");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// What a connection tells of itself.
#[derive(Clone, Debug)]
pub(super) struct Hop {
    /// The client's address.
    pub(super) source: HeaderValue,
    /// The host that was asked for.
    pub(super) host: HeaderValue,
    /// `Forwarded` (RFC 7239).
    pub(super) forwarded: HeaderValue,
}

impl Hop {
    /// Of a connection from `source` for `host`.
    pub(super) fn new(source: IpAddr, host: &Hostname) -> Self {
        // Neither an address nor a host name has anything in it that a header may not have.
        let value = |text: String| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("unknown"));
        let node = match source {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("\"[{address}]\""),
        };
        Self {
            source: value(source.to_string()),
            host: value(host.to_string()),
            forwarded: value(format!("for={node};host={host};proto=https")),
        }
    }
}

/// What is added to a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Added<'a> {
    /// What is told of the device.
    pub(super) identity: &'a IdentityHeaders,
    /// Whether it is the connection's first that is told of it.
    pub(super) is_first: bool,
    /// The switches.
    pub(super) rules: &'a Forwarding,
    /// The connection.
    pub(super) hop: &'a Hop,
    /// The token that says who was permitted.
    pub(super) assertion: Option<&'a HeaderValue>,
}

/// Makes a client's headers fit for an origin: hop-by-hop and reserved ones go, ours come. They come last, so that a
/// client cannot have them removed by naming them in `Connection`.
pub(super) fn to_origin(headers: &mut HeaderMap, added: &Added<'_>) {
    strip_hop_by_hop(headers);
    headers.remove(header::EXPECT);
    join_cookies(headers);
    strip_reserved(headers, &added.rules.headers);
    headers.insert(FORWARDED_FOR, added.hop.source.clone());
    headers.insert(FORWARDED_HOST, added.hop.host.clone());
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("https"));
    headers.insert(header::FORWARDED, added.hop.forwarded.clone());
    if let Some(assertion) = added.assertion {
        headers.insert(ASSERTION, assertion.clone());
    }
    trace::pass(headers, added.rules.start_trace);
    IdentityHeaders::put(&added.identity.request, headers);
    if added.is_first {
        IdentityHeaders::put(&added.identity.first_request, headers);
    }
}

/// HTTP/2 may have cut `Cookie` into crumbs, which no HTTP/1.1 origin expects (RFC 9113, 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1
        && let Ok(whole) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..]))
    {
        headers.insert(header::COOKIE, whole);
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

/// Takes out every header that only we may set, those of the operator's `own` included, however it is spelled: origins that
/// read headers like CGI does see no difference between `-` and `_`.
pub(super) fn strip_reserved(headers: &mut HeaderMap, own: &[(HeaderName, Template)]) {
    let is_own = |name: &str| own.iter().any(|(own, _)| is_same(own.as_str(), name));
    let is_ours = |name: &&HeaderName| is_reserved(name.as_str()) || is_own(name.as_str());
    let found: Vec<HeaderName> = headers.keys().filter(is_ours).cloned().collect();
    for name in found {
        headers.remove(name);
    }
}

fn is_reserved(name: &str) -> bool {
    let begins = name.get(..RESERVED_PREFIX.len()).is_some_and(|start| is_same(RESERVED_PREFIX, start));
    let frames = || name.contains('_') && FRAMING.iter().any(|framing| is_same(framing, name));
    begins || RESERVED.iter().any(|reserved| is_same(reserved, name)) || frames()
}

/// Whether two names are one for software that takes `_` for `-`.
fn is_same(one: &str, other: &str) -> bool {
    let normalised = |byte: u8| if byte == b'_' { b'-' } else { byte };
    one.len() == other.len() && one.bytes().map(normalised).eq(other.bytes().map(normalised))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::device::Device;
    use crate::device::tests::verified;
    use crate::model::forwarding::Requests;

    fn processed(client: &[(&str, &str)], device: &Device) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in client {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let own = [("x-own".parse().unwrap(), "{cert.serial}".parse().unwrap())];
        let rules = Forwarding { cloudflare: Requests::All, headers: own.into(), ..Forwarding::default() };
        let identity = IdentityHeaders::new(&rules, device);
        let hop = Hop::new([192, 0, 2, 1].into(), &"iot.example.com".parse().unwrap());
        to_origin(
            &mut headers,
            &Added { identity: &identity, is_first: true, rules: &rules, hop: &hop, assertion: None },
        );
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
            ("Client-Cert", "forged"),
            ("client_cert_chain", "forged"),
            ("X-Forwarded-Client-Cert", "forged"),
            ("cf-cert-verified", "forged"),
            ("CF_Cert-Anything", "forged"),
            ("cf-access-jwt-assertion", "forged"),
            ("x_own", "forged"),
        ];
        let headers = processed(&forged, &Device::Absent);
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        let ours = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-own"];
        assert_eq!(names, ours);
        let values = ours.map(|name| headers[name].to_str().unwrap());
        let forwarded = "for=192.0.2.1;host=iot.example.com;proto=https";
        assert_eq!(values, [forwarded, "192.0.2.1", "iot.example.com", "https", ""]);
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
    fn a_cookie_in_crumbs_becomes_whole() {
        let headers = processed(&[("cookie", "a=1"), ("cookie", "b=2; c=3")], &Device::Absent);
        let cookies: Vec<_> = headers.get_all("cookie").iter().collect();
        assert_eq!(cookies, ["a=1; b=2; c=3"]);
    }

    #[test]
    fn the_certificate_is_forwarded_only_when_it_verified() {
        assert!(!processed(&[], &Device::Absent).contains_key("cf-client-cert-der-base64"));
        let device = Device::Verified(Arc::new(verified("device")));
        assert!(processed(&[], &device).contains_key("cf-client-cert-der-base64"));
    }
}
