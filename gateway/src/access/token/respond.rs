//! What every host answers itself: the keys, who a token speaks of, and the way out.

mod identity;

use std::net::IpAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;

use super::audience::Audience;
use super::{Subject, Tokens};
use crate::device::Device;

/// How long verifiers may keep the keys. A rotation is in force at once, and who meets an unknown key id asks again.
const KEYS_FRESH: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The paths that a host answers itself, whatever its origin has there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WellKnown {
    /// `/cdn-cgi/access/certs`: the keys, for everybody.
    Certs,
    /// `/cdn-cgi/access/get-identity`: who the token in the cookie speaks of.
    GetIdentity,
    /// `/cdn-cgi/access/logout`: clears the cookie.
    Logout,
}

/// A request for one of them.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The request's headers.
    pub headers: &'a HeaderMap,
    /// The host's applications.
    pub audiences: &'a [&'a Audience],
    /// Whether the host asks devices for certificates.
    pub asks_for_certificates: bool,
    /// The device at the other end.
    pub device: &'a Device,
    /// Where it is.
    pub source: IpAddr,
    /// The country of `source`, where that is known.
    pub country: Option<&'a str>,
    /// In seconds since the epoch.
    pub now: u64,
}

impl WellKnown {
    /// Which of them a request's path names.
    pub fn of(path: &str) -> Option<Self> {
        match path.strip_prefix("/cdn-cgi/access/")? {
            "certs" => Some(Self::Certs),
            "get-identity" => Some(Self::GetIdentity),
            "logout" => Some(Self::Logout),
            _ => None,
        }
    }

    /// The response. Bodies of answers to HEAD are left to the server, which sends none.
    pub fn answer(self, tokens: &Tokens, visit: &Visit<'_>) -> Response<Full<Bytes>> {
        if !matches!(*visit.method, Method::GET | Method::HEAD) {
            let mut response = said(StatusCode::METHOD_NOT_ALLOWED, Bytes::new(), "text/plain");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match self {
            Self::Certs => {
                let keys = tokens.keys.load().jwks(visit.now);
                let mut response = said(StatusCode::OK, keys, "application/json");
                response.headers_mut().insert(header::CACHE_CONTROL, KEYS_FRESH);
                response
            }
            Self::GetIdentity => identity::answer(tokens, visit),
            Self::Logout => logout(tokens, visit),
        }
    }
}

/// Clears the cookie of each application, with the attributes that it was set with, and has the device get a new token
/// should it come back.
fn logout(tokens: &Tokens, visit: &Visit<'_>) -> Response<Full<Bytes>> {
    const PAGE: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
        <meta name=\"viewport\" content=\"width=device-width\">\n<title>Logged out</title>\n</head>\n<body>\n\
        <h1>Logged out</h1>\n<p>The cookie of this application is gone. A device that has a certificate gets a new one \
        with its next request.</p>\n</body>\n</html>\n";
    let mut response = said(StatusCode::OK, Bytes::from_static(PAGE.as_bytes()), "text/html; charset=utf-8");
    let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    for audience in visit.audiences {
        tokens.forget(&Subject::of(visit.device), audience);
        let cleared = audience.cookie().clear().ok();
        let new = |value: &HeaderValue| {
            !response.headers().get_all(header::SET_COOKIE).iter().any(|known| known == value)
        };
        // Applications mostly share one cookie.
        if let Some(cleared) = cleared.filter(new) {
            response.headers_mut().append(header::SET_COOKIE, cleared);
        }
    }
    response
}

/// A response that nobody stores.
fn said(status: StatusCode, body: Bytes, content_type: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers: [(HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    response.headers_mut().extend(headers.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

#[cfg(test)]
mod tests;
