//! URLs that are asked.

use std::fmt;
use std::net::IpAddr;

use http::Uri;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url {
    text: Box<str>,
    /// Whether it is https.
    pub tls: bool,
    /// A name or an address, without brackets.
    pub host: Box<str>,
    /// The one that is written, or the scheme's.
    pub port: u16,
    /// `HOST` or `HOST:PORT`, as it was written.
    pub authority: Box<str>,
    /// Path and query.
    pub target: Box<str>,
}

/// Why a URL is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not a URL.
    #[error("not a URL; write it like https://www.example.com/path")]
    NotAUrl,
    /// LDAP, FTP and the like.
    #[error("neither https nor http")]
    Scheme,
    /// A name and password.
    #[error("a URL with a name or password in it is not accepted")]
    UserInfo,
}

impl Url {
    /// Takes a text apart.
    ///
    /// # Errors
    /// [`UrlError`]
    pub fn read(text: &str) -> Result<Self, UrlError> {
        let uri: Uri = text.parse().map_err(|_| UrlError::NotAUrl)?;
        let (scheme, authority) = uri.scheme_str().zip(uri.authority()).ok_or(UrlError::NotAUrl)?;
        let tls = match scheme {
            _ if scheme.eq_ignore_ascii_case("https") => true,
            _ if scheme.eq_ignore_ascii_case("http") => false,
            _ => return Err(UrlError::Scheme),
        };
        if authority.as_str().contains('@') {
            return Err(UrlError::UserInfo);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let is_host = !host.is_empty() && (!host.contains(':') || host.parse::<IpAddr>().is_ok());
        // The parser takes what is no number for no port at all.
        let has_port = authority.as_str().len() > authority.host().len();
        if !is_host || (has_port && authority.port_u16().is_none()) {
            return Err(UrlError::NotAUrl);
        }
        Ok(Self {
            text: text.into(),
            tls,
            host: host.into(),
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            authority: authority.as_str().into(),
            target: uri.path_and_query().map_or("/", |target| target.as_str()).into(),
        })
    }

    /// As it was written: not for logs, because some have a token in their path or query.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Url {
    /// Without the query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, query) = self.text.split_once('?').unwrap_or((&self.text, ""));
        write!(f, "{shown}{}", if query.is_empty() { "" } else { "?…" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let url = Url::read("HTTPS://ca.example.com:8443/a/devices.crl?x=1").unwrap();
        assert_eq!((&*url.host, url.port, &*url.target), ("ca.example.com", 8443, "/a/devices.crl?x=1"));
        assert_eq!(&*url.authority, "ca.example.com:8443");
        let url = Url::read("https://[2001:db8::1]").unwrap();
        assert_eq!((&*url.host, url.port, &*url.target), ("2001:db8::1", 443, "/"));
        let url = Url::read("http://pki.example.com/root.crl").unwrap();
        assert_eq!((url.tls, url.port), (false, 80));
    }

    #[test]
    fn what_may_be_a_token_is_not_shown() {
        let url = Url::read("https://ca.example.com/a.crl?token=secret").unwrap();
        assert_eq!(url.to_string(), "https://ca.example.com/a.crl?…");
        let url = Url::read("https://ca.example.com/a.crl").unwrap();
        assert_eq!(url.to_string(), "https://ca.example.com/a.crl");
    }

    #[test]
    fn what_is_no_url_of_a_web_server_is_refused_by_name() {
        let cases = [
            ("ldap://ca.example.com/cn=CRL", UrlError::Scheme),
            ("ftp://ca.example.com/a.crl", UrlError::Scheme),
            ("file:///etc/passwd", UrlError::NotAUrl),
            ("https://user:password@ca.example.com/a.crl", UrlError::UserInfo),
            ("https:///a.crl", UrlError::NotAUrl),
            ("https://ca.example.com:99999/a.crl", UrlError::NotAUrl),
            ("https://ca.example.com:/a.crl", UrlError::NotAUrl),
            ("https://ca example/a.crl", UrlError::NotAUrl),
            ("ca.example.com/a.crl", UrlError::NotAUrl),
        ];
        for (text, expected) in cases {
            assert_eq!(Url::read(text), Err(expected), "{text}");
        }
    }
}
