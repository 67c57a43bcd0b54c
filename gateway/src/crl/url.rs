//! URLs of CRLs.

use std::fmt;
use std::ops::Deref;

use crate::web::{self, Url};

/// Where a CRL is fetched from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CrlUrl(Url);

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

impl From<web::UrlError> for UrlError {
    fn from(error: web::UrlError) -> Self {
        match error {
            web::UrlError::NotAUrl => Self::NotAUrl,
            web::UrlError::Scheme => Self::Scheme,
            web::UrlError::UserInfo => Self::UserInfo,
        }
    }
}

impl CrlUrl {
    /// One that the operator has configured: https only.
    ///
    /// # Errors
    /// [`UrlError`]
    pub fn configured(text: &str) -> Result<Self, UrlError> {
        let url = Url::read(text)?;
        if url.tls { Ok(Self(url)) } else { Err(UrlError::PlainHttp) }
    }

    /// One that a CA's certificate names, which is plain http by custom: a CRL is signed.
    ///
    /// # Errors
    /// [`UrlError`]
    pub fn distribution_point(text: &str) -> Result<Self, UrlError> {
        Ok(Self(Url::read(text)?))
    }
}

impl Deref for CrlUrl {
    type Target = Url;

    fn deref(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for CrlUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_what_a_certificate_names() {
        let text = "http://pki.example.com/root.crl";
        assert_eq!(CrlUrl::configured(text), Err(UrlError::PlainHttp));
        assert!(!CrlUrl::distribution_point(text).unwrap().tls);
        assert_eq!(CrlUrl::configured("ldap://ca.example.com/cn=CRL"), Err(UrlError::Scheme));
        assert_eq!(CrlUrl::configured("https://a:b@ca.example.com/"), Err(UrlError::UserInfo));
    }
}
