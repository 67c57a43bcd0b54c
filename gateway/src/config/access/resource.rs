//! `[[ip_list]]` and `[[service_token]]`: what rules refer to.

use std::str::FromStr;
use std::time::UNIX_EPOCH;

use ipnet::IpNet;
use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Spanned, Value};

use super::rule::Network;
use crate::config::value::{Parsed, inner};
use crate::model::id::ResourceId;
use crate::model::service_token::SecretHash;

/// Networks under a name.
#[derive(Debug)]
pub struct IpList {
    /// Its id, where it is given.
    pub id: Option<ResourceId>,
    /// What the operator calls it.
    pub name: Spanned<String>,
    /// The networks.
    pub ips: Vec<IpNet>,
}

/// A secret that programs show instead of a certificate.
#[derive(Debug)]
pub struct ServiceToken {
    /// Its id, where it is given.
    pub id: Option<ResourceId>,
    /// What the operator calls it.
    pub name: Spanned<String>,
    /// What is sent as `CF-Access-Client-Id`.
    pub client_id: Spanned<String>,
    /// SHA-256 of what is sent as `CF-Access-Client-Secret`.
    pub secret: SecretHash,
    /// When it ends. Seconds since the epoch.
    pub expires_at: Option<u64>,
}

impl IpList {
    /// Its id: the one that is given, or the one that follows from its name.
    pub fn id(&self) -> ResourceId {
        self.id.unwrap_or_else(|| ResourceId::derived("ip_list", &self.name.value))
    }
}

impl<'de> Deserialize<'de> for IpList {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let id = table.optional::<Parsed<ResourceId>>("id").map(|id| id.0);
        let name = table.required_s("name");
        let ips = table.required::<Vec<Parsed<Network>>>("ips");
        table.finalize(None)?;
        Ok(Self { id, name: name?, ips: ips?.into_iter().map(|network| network.0.0).collect() })
    }
}

impl ServiceToken {
    /// Its id: the one that is given, or the one that follows from its name.
    pub fn id(&self) -> ResourceId {
        self.id.unwrap_or_else(|| ResourceId::derived("service_token", &self.name.value))
    }
}

impl<'de> Deserialize<'de> for ServiceToken {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let id = table.optional::<Parsed<ResourceId>>("id").map(|id| id.0);
        let name = table.required_s("name");
        let client_id = table.required_s::<Parsed<ClientId>>("client_id").map(inner);
        let secret = table.required::<Parsed<SecretHash>>("client_secret_sha256");
        let expires_at = table.optional::<Parsed<Instant>>("expires_at").map(|at| at.0.0);
        table.finalize(None)?;
        let client_id = client_id?;
        Ok(Self {
            id,
            name: name?,
            client_id: Spanned { value: client_id.value.0, span: client_id.span },
            secret: secret?.0,
            expires_at,
        })
    }
}

/// What can stand in a header.
struct ClientId(String);

#[derive(Debug, thiserror::Error)]
#[error("a client id has 1 to 256 printable ASCII characters and no space")]
struct NotAClientId;

impl FromStr for ClientId {
    type Err = NotAClientId;

    fn from_str(text: &str) -> Result<Self, NotAClientId> {
        let good = (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if good { Ok(Self(text.to_owned())) } else { Err(NotAClientId) }
    }
}

/// Seconds since the epoch.
struct Instant(u64);

#[derive(Debug, thiserror::Error)]
#[error("not a time; write it like 2027-01-31T00:00:00Z")]
struct NotATime;

impl FromStr for Instant {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let time = humantime::parse_rfc3339(text).map_err(|_| NotATime)?;
        time.duration_since(UNIX_EPOCH).map(|since| Self(since.as_secs())).map_err(|_| NotATime)
    }
}
