//! The cookie `CF_Authorization`: how it is set, cleared and found.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use http::header::{self, HeaderMap, HeaderValue, InvalidHeaderValue};

pub use crate::model::application::SameSite;

/// The cookie's name.
pub const NAME: &str = "CF_Authorization";

/// An application's cookie attributes. `Secure` is always set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieAttributes {
    /// Whether scripts may not read it.
    pub http_only: bool,
    /// When browsers send it.
    pub same_site: SameSite,
    /// The path that it is limited to; none is `/`.
    pub path: Option<Box<str>>,
}

impl Default for CookieAttributes {
    fn default() -> Self {
        Self { http_only: true, same_site: SameSite::None, path: None }
    }
}

impl fmt::Display for CookieAttributes {
    /// As in `Set-Cookie`, behind the value.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { http_only, same_site, path } = self;
        write!(formatter, "Path={}; Secure", path.as_deref().unwrap_or("/"))?;
        if *http_only {
            formatter.write_str("; HttpOnly")?;
        }
        let same_site = match same_site {
            SameSite::None => "None",
            SameSite::Lax => "Lax",
            SameSite::Strict => "Strict",
        };
        write!(formatter, "; SameSite={same_site}")
    }
}

impl CookieAttributes {
    /// Whether a header can carry the path, as a path.
    pub(super) fn is_writable(&self) -> bool {
        let is_fit = |byte: u8| byte.is_ascii_graphic() && byte != b';';
        self.path.as_deref().is_none_or(|path| path.starts_with('/') && path.bytes().all(is_fit))
    }

    /// `Set-Cookie` with a token that ends at `expires`, in seconds since the epoch.
    pub(super) fn set(&self, token: &str, expires: u64) -> Result<HeaderValue, InvalidHeaderValue> {
        let expires = UNIX_EPOCH.checked_add(Duration::from_secs(expires)).unwrap_or(UNIX_EPOCH);
        let mut value = HeaderValue::try_from(format!(
            "{NAME}={token}; {self}; Expires={}",
            httpdate::fmt_http_date(expires)
        ))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// `Set-Cookie` that takes the cookie away.
    pub(super) fn clear(&self) -> Result<HeaderValue, InvalidHeaderValue> {
        let epoch = httpdate::fmt_http_date(UNIX_EPOCH);
        HeaderValue::try_from(format!("{NAME}=; {self}; Expires={epoch}; Max-Age=0"))
    }
}

/// The tokens that a request brings in its cookies. There can be several, of applications with different paths.
pub(super) fn presented(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|value| value.split(';')).filter_map(|pair| match pair.trim().split_once('=') {
        Some((NAME, value)) if !value.is_empty() => Some(value),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(http_only: bool, same_site: SameSite, path: Option<&str>) -> CookieAttributes {
        CookieAttributes { http_only, same_site, path: path.map(Into::into) }
    }

    #[test]
    fn a_cookie_is_cleared_with_the_attributes_that_it_was_set_with() {
        let cases = [
            (CookieAttributes::default(), "Path=/; Secure; HttpOnly; SameSite=None"),
            (attributes(false, SameSite::Lax, None), "Path=/; Secure; SameSite=Lax"),
            (attributes(true, SameSite::Strict, Some("/a")), "Path=/a; Secure; HttpOnly; SameSite=Strict"),
        ];
        for (cookie, expected) in cases {
            let set = cookie.set("a.b.c", 1_700_000_000).unwrap();
            let clear = cookie.clear().unwrap();
            let set_expected =
                format!("CF_Authorization=a.b.c; {expected}; Expires=Tue, 14 Nov 2023 22:13:20 GMT");
            assert_eq!(set, *set_expected);
            let clear_expected =
                format!("CF_Authorization=; {expected}; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0");
            assert_eq!(clear, *clear_expected);
            assert!(!format!("{set:?}").contains("a.b.c"), "a token is never printed");
        }
    }

    #[test]
    fn a_path_cannot_add_attributes() {
        for path in ["/a; Domain=example.com", "/a\r\nX: y", "a", "/ü", ""] {
            assert!(!attributes(true, SameSite::None, Some(path)).is_writable(), "{path:?}");
        }
        assert!(attributes(true, SameSite::None, Some("/a/b%20c")).is_writable());
    }

    #[test]
    fn tokens_are_found_among_other_cookies() {
        let mut headers = HeaderMap::new();
        for value in [
            "a=b; CF_Authorization=one; c=d",
            "CF_Authorization=two",
            "xCF_Authorization=three; CF_Authorization=",
        ] {
            headers.append(header::COOKIE, HeaderValue::from_static(value));
        }
        assert_eq!(presented(&headers).collect::<Vec<_>>(), ["one", "two"]);
    }
}
