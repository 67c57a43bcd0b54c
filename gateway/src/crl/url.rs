//! URLs of CRLs.

use std::fmt;
use std::net::IpAddr;

use http::Uri;

/// Where a CRL is fetched from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CrlUrl {
    text: Box<str>,
    /// Whether it is https.
    pub(super) tls: bool,
    /// A name or an address, without brackets.
    pub(super) host: Box<str>,
    pub(super) port: u16,
    /// `HOST` or `HOST:PORT`, as it was written.
    pub(super) authority: Box<str>,
    /// Path and query.
    pub(super) target: Box<str>,
}

/// Why a URL is not fetched from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not a URL.
    #[error("not a URL; write it like https://ca.example.com/devices.crl")]
    NotAUrl,
    /// Plain http where somebody on the way could keep a revocation from us.
    #[error("http is not accepted here: whoever is on the way could withhold revocations; use https")]
    PlainHttp,
    /// LDAP, FTP and the like.
    #[error("CRLs are fetched over https only")]
    Scheme,
    /// A name and password.
    #[error("a URL with a name or password in it is not accepted")]
    UserInfo,
}

impl CrlUrl {
    /// One that the operator has configured: https only.
    ///
    /// # Errors
    /// [`UrlError`]
    pub fn configured(text: &str) -> Result<Self, UrlError> {
        Self::read(text).and_then(|url| if url.tls { Ok(url) } else { Err(UrlError::PlainHttp) })
    }

    /// One that a CA's certificate names, which is plain http by custom: a CRL is signed.
    ///
    /// # Errors
    /// [`UrlError`]
    pub fn distribution_point(text: &str) -> Result<Self, UrlError> {
        Self::read(text)
    }

    fn read(text: &str) -> Result<Self, UrlError> {
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

    /// As it was written: not for logs, because some have a token in their query.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for CrlUrl {
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
        let url = CrlUrl::configured("HTTPS://ca.example.com:8443/a/devices.crl?x=1").unwrap();
        assert_eq!((&*url.host, url.port, &*url.target), ("ca.example.com", 8443, "/a/devices.crl?x=1"));
        assert_eq!(&*url.authority, "ca.example.com:8443");
        let url = CrlUrl::configured("https://[2001:db8::1]").unwrap();
        assert_eq!((&*url.host, url.port, &*url.target), ("2001:db8::1", 443, "/"));
        let url = CrlUrl::distribution_point("http://pki.example.com/root.crl").unwrap();
        assert_eq!((url.tls, url.port), (false, 80));
    }

    #[test]
    fn what_may_be_a_token_is_not_shown() {
        let url = CrlUrl::configured("https://ca.example.com/a.crl?token=secret").unwrap();
        assert_eq!(url.to_string(), "https://ca.example.com/a.crl?…");
        let url = CrlUrl::configured("https://ca.example.com/a.crl").unwrap();
        assert_eq!(url.to_string(), "https://ca.example.com/a.crl");
    }

    #[test]
    fn what_is_not_fetched_from_is_refused_by_name() {
        let cases = [
            ("http://ca.example.com/a.crl", UrlError::PlainHttp),
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
            assert_eq!(CrlUrl::configured(text), Err(expected), "{text}");
        }
    }
}
