//! Answers to browsers that ask before they send (CORS preflight), where an application says what they may (WHATWG Fetch).

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;

use crate::model::cors::CorsHeaders;

const VARIES: HeaderValue =
    HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers");

/// The answer to a preflight request with these headers. What is not allowed is left out of it, and the browser refuses.
pub fn answer(cors: &CorsHeaders, asked: &HeaderMap) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(VARY, VARIES);
    let Some(origin) = asked.get(ORIGIN).filter(|origin| cors.origins.contains(origin)) else {
        return response;
    };
    // Never `*`: with credentials it means nothing, and without them this says the same.
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    if cors.credentials {
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    if let Some(method) = asked.get(ACCESS_CONTROL_REQUEST_METHOD).filter(|method| is_allowed(cors, method)) {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
    }
    let wanted = asked.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter().filter_map(|value| value.to_str().ok());
    let names =
        wanted.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse::<HeaderName>().ok());
    let allowed: Vec<_> = names.filter(|name| cors.headers.contains(name)).collect();
    let list = allowed.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(", ");
    if let (false, Ok(list)) = (list.is_empty(), HeaderValue::try_from(list)) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, list);
    }
    if let Some(age) = cors.max_age {
        headers.insert(ACCESS_CONTROL_MAX_AGE, age.into());
    }
    response
}

fn is_allowed(cors: &CorsHeaders, method: &HeaderValue) -> bool {
    Method::from_bytes(method.as_bytes()).is_ok_and(|method| cors.methods.contains(&method))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cors::Allowed;

    fn cors() -> CorsHeaders {
        CorsHeaders {
            origins: Allowed::These([HeaderValue::from_static("https://app.example.com")].into()),
            methods: Allowed::These([Method::PUT].into()),
            headers: Allowed::These([HeaderName::from_static("x-own")].into()),
            credentials: true,
            max_age: Some(60),
        }
    }

    fn said(
        cors: &CorsHeaders,
        origin: &'static str,
        method: &'static str,
        names: &'static str,
    ) -> Vec<String> {
        let asked = [
            (ORIGIN, origin),
            (ACCESS_CONTROL_REQUEST_METHOD, method),
            (ACCESS_CONTROL_REQUEST_HEADERS, names),
        ];
        let asked = asked.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
        let response = answer(cors, &asked);
        assert_eq!((response.status(), &response.headers()[VARY]), (StatusCode::NO_CONTENT, &VARIES));
        let lines = response.headers().iter().filter(|(name, _)| **name != VARY);
        lines.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    #[test]
    fn what_is_allowed_is_said_and_nothing_else() {
        let expected = [
            "access-control-allow-origin: https://app.example.com",
            "access-control-allow-credentials: true",
            "access-control-allow-methods: PUT",
            "access-control-allow-headers: x-own",
            "access-control-max-age: 60",
        ];
        assert_eq!(said(&cors(), "https://app.example.com", "PUT", "X-Own, X-Other"), expected);
        let refused = said(&cors(), "https://app.example.com", "DELETE", "x-other");
        assert!(
            refused.iter().all(|line| !line.contains("methods") && !line.contains("headers")),
            "{refused:?}"
        );
        assert!(said(&cors(), "https://evil.example.com", "PUT", "x-own").is_empty());
    }

    #[test]
    fn all_means_what_was_asked_for() {
        let all = CorsHeaders {
            origins: Allowed::All,
            methods: Allowed::All,
            headers: Allowed::All,
            credentials: false,
            max_age: None,
        };
        let expected = [
            "access-control-allow-origin: https://any.example.com",
            "access-control-allow-methods: PATCH",
            "access-control-allow-headers: x-any",
        ];
        assert_eq!(said(&all, "https://any.example.com", "PATCH", "x-any"), expected);
    }
}
