//! The token that a request brings, in each of the ways that clients of Cloudflare have for it.

use axum::http::{HeaderMap, header};

/// The token, if there is one.
pub(super) fn presented(headers: &HeaderMap) -> Option<&str> {
    let named = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    bearer(headers).or_else(|| named("x-auth-key")).or_else(|| named("x-auth-user-service-key"))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_from_each_of_the_three_headers() {
        for (name, value) in [
            ("authorization", "Bearer secret"),
            ("authorization", "bearer  secret"),
            ("x-auth-key", "secret"),
            ("x-auth-user-service-key", "secret"),
        ] {
            let headers: HeaderMap =
                [(name.parse::<header::HeaderName>().unwrap(), value.parse().unwrap())].into_iter().collect();
            assert_eq!(presented(&headers), Some("secret"), "{name}: {value}");
        }
        let headers: HeaderMap =
            [(header::AUTHORIZATION, "Basic c2VjcmV0".parse().unwrap())].into_iter().collect();
        assert_eq!(presented(&headers), None);
    }
}
