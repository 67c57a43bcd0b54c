//! Access applications: what a set of policies protects, and how those it concerns are treated.

use std::fmt;
use std::str::FromStr;

use http::Uri;

use super::cors::CorsHeaders;
use super::destination::Destination;
use super::duration::GoDuration;
use super::id::{Audience, ResourceId};

/// An application, without its policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Its id.
    pub id: ResourceId,
    /// Its audience tag: what its tokens are for.
    pub aud: Audience,
    /// What the operator calls it.
    pub name: String,
    /// Where it is, the domain that it is known by first. Never empty.
    pub destinations: Box<[Destination]>,
    /// How those it concerns are treated.
    pub settings: Settings,
}

/// What an application says beside where it is and who may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the API has them, each of its own")]
pub struct Settings {
    /// How long a session lasts unless the policy says otherwise.
    pub session_duration: GoDuration,
    /// The sentence on the page for those who are refused.
    pub custom_deny_message: Option<Box<str>>,
    /// Where those are sent who are refused.
    pub custom_deny_url: Option<DenyUrl>,
    /// Where those are sent who are refused without having been asked who they are.
    pub custom_non_identity_deny_url: Option<DenyUrl>,
    /// Whether scripts are kept from the cookie.
    pub http_only_cookie_attribute: bool,
    /// The cookie's `SameSite`, where it has one.
    pub same_site_cookie_attribute: Option<SameSite>,
    /// Whether the cookie is for the application's path only.
    pub path_cookie_attribute: bool,
    /// Whether requests that a Service Auth policy does not permit get 401.
    pub service_auth_401_redirect: bool,
    /// Whether preflight requests go to the origin unasked.
    pub options_preflight_bypass: bool,
    /// How preflight requests are answered here. Never together with `options_preflight_bypass`.
    pub cors_headers: Option<CorsHeaders>,
}

impl Settings {
    /// Whether preflight requests are let through or answered, whatever policies say: browsers send them without
    /// credentials.
    pub fn knows_preflights(&self) -> bool {
        self.options_preflight_bypass || self.cors_headers.is_some()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            session_duration: GoDuration::DAY,
            custom_deny_message: None,
            custom_deny_url: None,
            custom_non_identity_deny_url: None,
            http_only_cookie_attribute: true,
            same_site_cookie_attribute: None,
            path_cookie_attribute: false,
            service_auth_401_redirect: false,
            options_preflight_bypass: false,
            cors_headers: None,
        }
    }
}

/// When browsers send a cookie along with requests from other sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Always.
    None,
    /// When a link is followed.
    Lax,
    /// Never.
    Strict,
}

impl SameSite {
    /// The word for it in the API, in configuration and, in any case, in cookies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lax => "lax",
            Self::Strict => "strict",
        }
    }
}

/// A URL to send somebody to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenyUrl(Uri);

/// The text is no URL to send somebody to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a URL to send somebody to: https://HOST/…, or http://")]
pub struct NotADenyUrl;

impl FromStr for DenyUrl {
    type Err = NotADenyUrl;

    fn from_str(text: &str) -> Result<Self, NotADenyUrl> {
        let uri: Uri = text.parse().map_err(|_| NotADenyUrl)?;
        let web = uri.scheme_str().is_some_and(|scheme| ["http", "https"].contains(&scheme));
        let named = uri
            .authority()
            .is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'));
        if web && named { Ok(Self(uri)) } else { Err(NotADenyUrl) }
    }
}

impl fmt::Display for DenyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_sent_to_web_pages_only() {
        for text in ["https://help.example.com/denied?from=iot", "http://help.example.com"] {
            assert!(text.parse::<DenyUrl>().is_ok(), "{text}");
        }
        for text in [
            "",
            "/denied",
            "help.example.com",
            "javascript:alert(1)",
            "ftp://a.example",
            "https://a@b.example",
            "https://a.example/\r\nX: y",
        ] {
            assert_eq!(text.parse::<DenyUrl>(), Err(NotADenyUrl), "{text}");
        }
    }
}
