//! Everything that is declared of certificates, applications and what policies refer to, in the file or elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Spanned, Value};

use super::access::{Application, Group, IpList, MtlsCertificate, Policy, ServiceToken};
use crate::model::forwarding::Transform;
use crate::model::hostname::HostPattern;
use crate::model::issuer::Issuer;

/// What is declared. Those of the file come first.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    /// `[[mtls_certificate]]`
    pub mtls_certificates: Vec<Arc<MtlsCertificate>>,
    /// `[[application]]`
    pub applications: Vec<Arc<Application>>,
    /// `[[policy]]`
    pub policies: Vec<Arc<Policy>>,
    /// `[[group]]`
    pub groups: Vec<Arc<Group>>,
    /// `[[ip_list]]`
    pub ip_lists: Vec<Arc<IpList>>,
    /// `[[service_token]]`
    pub service_tokens: Vec<Arc<ServiceToken>>,
    /// Not from the file: whether origins get Cloudflare's certificate headers, by hostname.
    pub client_certificate_forwarding: BTreeMap<HostPattern, Spanned<bool>>,
    /// Not from the file: where the managed transform adds its headers.
    pub managed_transform: Option<Transform>,
    /// Not from the file: who issues the tokens of all hosts.
    pub team_domain: Option<Issuer>,
    /// Not from the file: how long a key signs tokens.
    pub key_rotation: Option<Duration>,
}

impl Resources {
    pub(super) fn read(table: &mut TableHelper<'_>) -> Self {
        Self {
            mtls_certificates: shared(table, "mtls_certificate"),
            applications: shared(table, "application"),
            policies: shared(table, "policy"),
            groups: shared(table, "group"),
            ip_lists: shared(table, "ip_list"),
            service_tokens: shared(table, "service_token"),
            ..Self::default()
        }
    }
}

/// Resources outlive the configuration that they were read with.
struct Shared<T>(Arc<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Shared<T> {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        T::deserialize(value).map(|value| Self(Arc::new(value)))
    }
}

fn shared<'de, T: Deserialize<'de>>(table: &mut TableHelper<'de>, key: &'static str) -> Vec<Arc<T>> {
    let found: Vec<Shared<T>> = table.optional(key).unwrap_or_default();
    found.into_iter().map(|shared| shared.0).collect()
}
