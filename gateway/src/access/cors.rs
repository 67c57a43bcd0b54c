//! Answers to preflight requests, for applications that give them here.

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;

use crate::model::cors::{Allowed, CorsHeaders};

/// Whether it is a browser's question before the request.
pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a preflight request with these headers. To an origin that may not ask, it allows nothing.
pub fn answer(cors: &CorsHeaders, asked: &HeaderMap) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
    headers.insert(header::VARY, HeaderValue::from_static(vary));
    let Some(origin) = allowed_origin(cors, asked) else { return response };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    let methods = match &cors.methods {
        Allowed::All => asked.get(header::ACCESS_CONTROL_REQUEST_METHOD).cloned(),
        Allowed::These(methods) => list(methods.iter().map(Method::as_str)),
    };
    let names = match &cors.headers {
        Allowed::All => asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned(),
        Allowed::These(names) => list(names.iter().map(AsRef::as_ref)),
    };
    let credentials = cors.credentials.then(|| HeaderValue::from_static("true"));
    let answers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, methods),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, names),
        (header::ACCESS_CONTROL_ALLOW_CREDENTIALS, credentials),
        (header::ACCESS_CONTROL_MAX_AGE, cors.max_age.map(HeaderValue::from)),
    ];
    headers.extend(answers.into_iter().filter_map(|(name, value)| Some((name, value?))));
    response
}

/// `*`, or the one origin that asked. Of two, none: nobody could say which of them asks.
fn allowed_origin(cors: &CorsHeaders, asked: &HeaderMap) -> Option<HeaderValue> {
    let mut origins = asked.get_all(header::ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else { return None };
    match &cors.origins {
        Allowed::All => Some(HeaderValue::from_static("*")),
        Allowed::These(_) => cors.origins.contains(origin).then(|| origin.clone()),
    }
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> Option<HeaderValue> {
    let items: Vec<_> = items.collect();
    if items.is_empty() { None } else { HeaderValue::try_from(items.join(", ")).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "https://app.example.com";

    fn asked(origins: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for origin in origins {
            headers.append(header::ORIGIN, HeaderValue::from_static(origin));
        }
        headers.insert(header::ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("PUT"));
        headers.insert(header::ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_static("x-a, x-b"));
        headers
    }

    fn answered(cors: &CorsHeaders, origins: &[&'static str]) -> Vec<(String, String)> {
        let response = answer(cors, &asked(origins));
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        let of_cors = response.headers().iter().filter(|(name, _)| *name != header::VARY);
        of_cors.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
    }

    #[test]
    fn an_origin_that_may_ask_is_told_what_it_may() {
        let these = CorsHeaders {
            origins: Allowed::These([HeaderValue::from_static(ORIGIN)].into()),
            methods: Allowed::These([Method::GET, Method::PUT].into()),
            headers: Allowed::These([header::CONTENT_TYPE].into()),
            credentials: true,
            max_age: Some(600),
        };
        let expected = [
            ("access-control-allow-origin", ORIGIN),
            ("access-control-allow-methods", "GET, PUT"),
            ("access-control-allow-headers", "content-type"),
            ("access-control-allow-credentials", "true"),
            ("access-control-max-age", "600"),
        ];
        assert_eq!(
            answered(&these, &[ORIGIN]),
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        for origins in [&["https://other.example.com"][..], &["null"], &[ORIGIN, ORIGIN], &[]] {
            assert_eq!(answered(&these, origins), [], "{origins:?}");
        }
    }

    #[test]
    fn where_all_is_allowed_what_was_asked_is() {
        let all = CorsHeaders {
            origins: Allowed::All,
            methods: Allowed::All,
            headers: Allowed::All,
            ..CorsHeaders::default()
        };
        let expected = [
            ("access-control-allow-origin", "*"),
            ("access-control-allow-methods", "PUT"),
            ("access-control-allow-headers", "x-a, x-b"),
        ];
        assert_eq!(
            answered(&all, &[ORIGIN]),
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn a_preflight_request_has_both_headers_and_the_method() {
        assert!(is_preflight(&Method::OPTIONS, &asked(&[ORIGIN])));
        assert!(
            !is_preflight(&Method::GET, &asked(&[ORIGIN])) && !is_preflight(&Method::OPTIONS, &asked(&[]))
        );
        assert!(!is_preflight(&Method::OPTIONS, &HeaderMap::new()));
    }
}
