//! The keys of a `[[host]]` that say where permitted traffic goes.

use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;
use http::uri::{Authority, PathAndQuery};
use rustls::pki_types::ServerName;
use toml_span::de_helpers::TableHelper;
use toml_span::value::ValueInner;
use toml_span::{DeserError, Deserialize, Spanned, Value};

use super::value::{Parsed, Time, inner, invalid, word};
use crate::model::origin::{Carries, HttpVersions, MAX_ORIGINS, OriginUrl};

/// Where a host's traffic goes, and how.
#[derive(Debug)]
pub struct HostOrigin {
    /// From one to [`MAX_ORIGINS`] origins.
    pub urls: Vec<Spanned<OriginUrl>>,
    /// What they must take.
    pub carries: Carries,
    /// Whether a device keeps its origin, instead of the one with the fewest requests being chosen.
    pub by_device: bool,
    /// The versions of HTTP.
    pub http: HttpVersions,
    /// PEM file of the CAs that they may have their certificates from; the system's otherwise.
    pub ca: Option<Spanned<PathBuf>>,
    /// PEM files of the chain and the key that they are shown.
    pub identity: Option<(Spanned<PathBuf>, Spanned<PathBuf>)>,
    /// The name in SNI, which their certificates must be for; the host of their address otherwise.
    pub name: Option<Spanned<ServerName<'static>>>,
    /// The `Host` that they see; the device's otherwise.
    pub host: Option<HeaderValue>,
    /// What their health checks ask for.
    pub health: Option<HealthCheck>,
}

/// How origins are asked whether they are well.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HealthCheck {
    /// What is asked for.
    pub path: PathAndQuery,
    /// How often.
    pub interval: Duration,
}

impl HostOrigin {
    /// Reads the keys out of a host's table. Nothing when one of them is wrong: the table has the errors then.
    pub(super) fn read(table: &mut TableHelper<'_>, carries: Carries) -> Option<Self> {
        let urls = table.required_s::<OneOrMore>("origin").ok();
        let by_device = table.optional::<BalanceWord>("origin_balance").is_some_and(|word| word.0);
        let http = table.optional::<HttpWord>("origin_http").map(|word| word.0).unwrap_or_default();
        let ca = table.optional_s::<String>("origin_ca").map(Spanned::map);
        let identity = Self::read_identity(table);
        let name = table.optional_s::<Parsed<Name>>("origin_name").map(inner);
        let host = table.optional::<Parsed<HostHeader>>("origin_host").map(|host| host.0.0);
        let path = table.optional::<Parsed<PathAndQuery>>("health_path").map(|path| path.0);
        let interval =
            table.optional::<Time>("health_interval").map_or(Duration::from_secs(10), |time| time.0);
        let urls = urls?;
        let errors = urls.value.0.iter().filter_map(|url| misfit(url, carries));
        table.errors.extend(errors.flat_map(|error| error.errors));
        Some(Self {
            urls: urls.value.0,
            carries,
            by_device,
            http,
            ca,
            identity,
            name: name.map(|Spanned { value, span }| Spanned { value: value.0, span }),
            host,
            health: path.map(|path| HealthCheck { path, interval }),
        })
    }

    fn read_identity(table: &mut TableHelper<'_>) -> Option<(Spanned<PathBuf>, Spanned<PathBuf>)> {
        let certificate = table.optional_s::<String>("origin_certificate");
        let key = table.optional_s::<String>("origin_key");
        match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate.map(), key.map())),
            (None, None) => None,
            (Some(Spanned { span, .. }), None) | (None, Some(Spanned { span, .. })) => {
                let message = "`origin_certificate` and `origin_key` go together";
                table.errors.extend(invalid(message.to_owned(), span).errors);
                None
            }
        }
    }
}

/// An error when `origin` cannot take what its host passes on.
fn misfit(origin: &Spanned<OriginUrl>, carries: Carries) -> Option<DeserError> {
    if origin.value.takes(carries) {
        return None;
    }
    let message = match carries {
        Carries::Requests => "a host with protocol = \"https\" has an http://, https:// or unix: origin",
        Carries::Bytes => {
            "a host with protocol = \"tls\" or \"passthrough\" has a tcp://, tls:// or unix: origin"
        }
    };
    Some(invalid(format!("`{}`: {message}", origin.value), origin.span))
}

/// A URL, or a list of them.
struct OneOrMore(Vec<Spanned<OriginUrl>>);

impl<'de> Deserialize<'de> for OneOrMore {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let span = value.span;
        if !matches!(value.as_ref(), ValueInner::Array(_)) {
            let one = Parsed::<OriginUrl>::deserialize(value)?;
            return Ok(Self(vec![Spanned { value: one.0, span }]));
        }
        let many = Vec::<Spanned<Parsed<OriginUrl>>>::deserialize(value)?;
        if many.is_empty() || many.len() > MAX_ORIGINS {
            return Err(invalid(format!("a host has from 1 to {MAX_ORIGINS} origins"), span));
        }
        let many: Vec<_> = many.into_iter().map(inner).collect();
        for (index, origin) in many.iter().enumerate() {
            if many.iter().take(index).any(|other| other.value == origin.value) {
                return Err(invalid(format!("`{}` is there twice", origin.value), origin.span));
            }
        }
        Ok(Self(many))
    }
}

struct BalanceWord(bool);

impl<'de> Deserialize<'de> for BalanceWord {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        word(value, &[("least_requests", false), ("device", true)]).map(Self)
    }
}

struct HttpWord(HttpVersions);

impl<'de> Deserialize<'de> for HttpWord {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let words = [("auto", HttpVersions::Auto), ("1.1", HttpVersions::Http1), ("2", HttpVersions::Http2)];
        word(value, &words).map(Self)
    }
}

/// A name or an address that a certificate can be for.
struct Name(ServerName<'static>);

impl std::str::FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        ServerName::try_from(text.to_ascii_lowercase())
            .map(Self)
            .map_err(|_| "a certificate is for a host name or an address, without a port")
    }
}

/// What a `Host` header may say.
struct HostHeader(HeaderValue);

impl std::str::FromStr for HostHeader {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let error = "a Host header is HOST or HOST:PORT";
        let authority: Authority = text.parse().map_err(|_| error)?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(error);
        }
        HeaderValue::from_str(authority.as_str()).map(Self).map_err(|_| error)
    }
}
