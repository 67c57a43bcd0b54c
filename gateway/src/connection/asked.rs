//! What is asked of policy, and what has to be remembered of it.

use std::sync::Arc;

use http::{HeaderMap, Request};

use crate::access::cors;
use crate::model::service_token::ServiceToken;

/// What a request says beside its host.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its path, without its query.
    pub path: &'a str,
    /// Whether it is a browser's question before the request.
    pub preflight: bool,
    /// The two headers of a service token.
    pub(super) client_id: Option<&'a [u8]>,
    pub(super) client_secret: Option<&'a [u8]>,
}

/// Of something that was permitted, what has to be known to decide about it again. Not the secret of a service token.
#[derive(Clone, Debug, Default)]
pub(super) struct Permitted {
    pub(super) path: String,
    pub(super) preflight: bool,
    pub(super) service_token: Option<Arc<ServiceToken>>,
}

impl<'a> Asked<'a> {
    /// A byte stream has nothing but its host: it is asked about as the host's root is.
    pub const STREAM: Asked<'static> =
        Asked { path: "/", preflight: false, client_id: None, client_secret: None };

    /// What a request asks.
    pub fn of<B>(request: &'a Request<B>) -> Self {
        let headers = request.headers();
        Self {
            path: request.uri().path(),
            preflight: cors::is_preflight(request.method(), headers),
            client_id: one(headers, "cf-access-client-id"),
            client_secret: one(headers, "cf-access-client-secret"),
        }
    }
}

/// The value of a header. Of two, an empty one that is worth nothing: nobody could say which of them counts.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    Some(if values.next().is_some() { b"" } else { value.as_bytes() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_occurs_twice_is_worth_nothing() {
        let mut request = Request::builder().uri("/a?b").method("OPTIONS");
        for (name, value) in
            [("cf-access-client-id", "a"), ("CF-Access-Client-Secret", "b"), ("origin", "https://a.example")]
        {
            request = request.header(name, value);
        }
        let request = request.body(()).unwrap();
        let asked = Asked::of(&request);
        assert_eq!(
            (asked.path, asked.client_id, asked.client_secret),
            ("/a", Some(&b"a"[..]), Some(&b"b"[..]))
        );
        assert!(!asked.preflight, "it names no method");
        let (mut head, ()) = request.into_parts();
        head.headers.append("cf-access-client-id", "a".parse().unwrap());
        head.headers.append("access-control-request-method", "GET".parse().unwrap());
        let request = Request::from_parts(head, ());
        let asked = Asked::of(&request);
        assert_eq!((asked.client_id, asked.preflight), (Some(&b""[..]), true));
    }
}
