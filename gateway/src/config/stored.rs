//! Resources that are JSON documents instead of tables in the file: the same parsers read them.

mod json;
mod single;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use toml_span::de_helpers::TableHelper;
use toml_span::value::ValueInner;
use toml_span::{DeserError, Deserialize, Span, Spanned, Value};

pub use self::json::{pointer, size};
use self::single::{Keys, ManagedTransform, Organization, Settings};
use super::access::{Application, Group, IpList, MtlsCertificate, Pem, Policy, Reused, ServiceToken};
use super::problem::{self, Problem};
use super::value::{Parsed, invalid};
use crate::model::forwarding::Transform;
use crate::model::hostname::HostPattern;
use crate::model::id::{Reference, ResourceId};
use crate::model::issuer::Issuer;
use crate::model::kind::Kind;
use crate::model::record_id::RecordId;

/// A document, parsed.
#[derive(Clone, Debug)]
pub enum Typed {
    /// An mTLS certificate.
    Certificate(Arc<MtlsCertificate>),
    /// Whether the origin of a hostname gets Cloudflare's certificate headers.
    Settings(HostPattern, Spanned<bool>),
    /// Networks.
    IpList(Arc<IpList>),
    /// A group.
    Group(Arc<Group>),
    /// A service token.
    ServiceToken(Arc<ServiceToken>),
    /// A policy that applications share.
    Policy(Arc<Policy>),
    /// An application without policies of its own, and those that it shares.
    Application(Arc<Application>, Vec<Link>),
    /// A policy of an application's own.
    Own(OwnPolicy),
    /// Who issues all tokens.
    Organization(Option<Issuer>),
    /// How long a key signs.
    Keys(Option<Duration>),
    /// Where the managed transform adds its headers.
    Transform(Transform),
    /// Nothing that traffic depends on.
    Opaque,
}

/// A policy of an application's own.
#[derive(Clone, Debug)]
pub struct OwnPolicy {
    /// Whose.
    pub application: ResourceId,
    /// Its place among the application's policies, the lowest first. Those without one come last.
    pub precedence: Option<i64>,
    /// The policy.
    pub policy: Spanned<Arc<Policy>>,
}

/// That an application shares a policy.
#[derive(Clone, Debug)]
pub struct Link {
    /// Which.
    pub policy: Spanned<Reference>,
    /// As [`OwnPolicy::precedence`].
    pub precedence: Option<i64>,
}

/// What `add_client_certificate_headers` is called in the API.
const TRANSFORM: &str = "add_client_certificate_headers";

const CERTIFICATE: &[&str] = &[
    "name",
    "certificate",
    "associated_hostnames",
    "allow_sha1",
    "crl",
    "crl_distribution_points",
    "crl_expired",
];
const SETTINGS: &[&str] = &["client_certificate_forwarding"];
const IP_LIST: &[&str] = &["name", "ips"];
const GROUP: &[&str] = &["name", "include", "require", "exclude"];
const SERVICE_TOKEN: &[&str] = &["name", "client_id", "client_secret_sha256", "expires_at"];
const POLICY: &[&str] = &["name", "decision", "include", "require", "exclude", "session_duration"];
const OWN_POLICY: &[&str] =
    &["name", "decision", "include", "require", "exclude", "session_duration", "app_id", "precedence"];
const APPLICATION: &[&str] = &[
    "aud",
    "name",
    "domain",
    "destinations",
    "session_duration",
    "custom_deny_message",
    "custom_deny_url",
    "custom_non_identity_deny_url",
    "http_only_cookie_attribute",
    "same_site_cookie_attribute",
    "path_cookie_attribute",
    "service_auth_401_redirect",
    "options_preflight_bypass",
    "cors_headers",
    "policies",
];
const ORGANIZATION: &[&str] = &["auth_domain"];
const KEYS: &[&str] = &["key_rotation_interval_days"];
const MANAGED_TRANSFORM: &[&str] = &["request", "response"];

impl Typed {
    /// Parses `document`, whose values have the places from `first` on. Keys without a meaning here are left alone, and
    /// null is nothing.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(
        kind: Kind,
        id: &RecordId,
        document: &serde_json::Value,
        first: usize,
    ) -> Result<Self, Vec<Problem>> {
        let document = Document { kind, id, json: document, first };
        document.read().map_err(problem::from_toml)
    }
}

struct Document<'a> {
    kind: Kind,
    id: &'a RecordId,
    json: &'a serde_json::Value,
    first: usize,
}

impl<'a> Document<'a> {
    fn read(&self) -> Result<Typed, DeserError> {
        Ok(match self.kind {
            Kind::Certificate => Typed::Certificate(Arc::new(self.certificate()?)),
            Kind::CertificateSettings => {
                let host = self.id.as_str().parse().map_err(|error| self.invalid(&error))?;
                let Settings(forwarding) = self.plain(SETTINGS)?;
                Typed::Settings(host, forwarding)
            }
            Kind::IpList => Typed::IpList(Arc::new(self.with_id(IP_LIST)?)),
            Kind::Group => Typed::Group(Arc::new(self.with_id(GROUP)?)),
            Kind::ServiceToken => Typed::ServiceToken(Arc::new(self.with_id(SERVICE_TOKEN)?)),
            Kind::Policy => Typed::Policy(Arc::new(self.with_id(POLICY)?)),
            Kind::Application => self.application()?,
            Kind::ApplicationPolicy => Typed::Own(self.own_policy()?),
            Kind::Organization => Typed::Organization(self.plain::<Organization>(ORGANIZATION)?.0),
            Kind::Keys => Typed::Keys(self.plain::<Keys>(KEYS)?.0),
            Kind::ManagedTransform if self.id.as_str() == TRANSFORM => {
                Typed::Transform(self.plain::<ManagedTransform>(MANAGED_TRANSFORM)?.0)
            }
            Kind::ManagedTransform
            | Kind::Identity
            | Kind::AlertWebhook
            | Kind::AlertPolicy
            | Kind::AlertDelivery
            | Kind::AlertHistory
            | Kind::AdminToken => Typed::Opaque,
        })
    }

    fn span(&self) -> Span {
        Span::new(self.first, self.first + 1)
    }

    fn invalid(&self, error: &impl std::fmt::Display) -> DeserError {
        invalid(format!("its id, `{}`: {error}", self.id), self.span())
    }

    fn table(&self, keys: &[&str]) -> Result<Value<'a>, DeserError> {
        json::table(self.json, self.first, keys)
            .ok_or_else(|| invalid("a resource is a JSON object".to_owned(), self.span()))
    }

    fn plain<T: Deserialize<'a>>(&self, keys: &[&str]) -> Result<T, DeserError> {
        T::deserialize(&mut self.table(keys)?)
    }

    /// The table, with the record's id as the parsers of the file know it.
    fn table_with_id(&self, keys: &[&str]) -> Result<Value<'a>, DeserError> {
        self.id.as_str().parse::<ResourceId>().map_err(|error| self.invalid(&error))?;
        let mut table = self.table(keys)?;
        let ValueInner::Table(mut inner) = table.take() else { return Ok(table) };
        let (key, span) = (Cow::Borrowed("id"), self.span());
        let id = Value::with_span(ValueInner::String(self.id.as_str().to_owned().into()), span);
        inner.insert(toml_span::value::Key { name: key, span }, id);
        table.set(ValueInner::Table(inner));
        Ok(table)
    }

    fn with_id<T: Deserialize<'a>>(&self, keys: &[&str]) -> Result<T, DeserError> {
        T::deserialize(&mut self.table_with_id(keys)?)
    }

    /// Whoever may write documents may not have files of this machine read.
    fn certificate(&self) -> Result<MtlsCertificate, DeserError> {
        let certificate: MtlsCertificate = self.with_id(CERTIFICATE)?;
        if let Pem::File(_) = certificate.certificate.value {
            let message = "`certificate` is not PEM: it has no `-----BEGIN CERTIFICATE-----`".to_owned();
            return Err(invalid(message, certificate.certificate.span));
        }
        match certificate.crl.iter().find(|crl| !crl.value.contains("://")) {
            Some(crl) => Err(invalid("a stored CRL is at an https:// URL".to_owned(), crl.span)),
            None => Ok(certificate),
        }
    }

    fn application(&self) -> Result<Typed, DeserError> {
        let mut table = self.table_with_id(APPLICATION)?;
        let mut helper = TableHelper::new(&mut table)?;
        let links: Vec<Link> = helper.optional("policies").unwrap_or_default();
        let errors = std::mem::take(&mut helper.errors);
        helper.finalize(Some(&mut table))?;
        match (Application::deserialize(&mut table), errors.is_empty()) {
            (Ok(application), true) => Ok(Typed::Application(Arc::new(application), links)),
            (Ok(_), false) => Err(DeserError { errors }),
            (Err(mut others), _) => {
                others.errors.extend(errors);
                Err(others)
            }
        }
    }

    fn own_policy(&self) -> Result<OwnPolicy, DeserError> {
        let mut table = self.table_with_id(OWN_POLICY)?;
        let mut helper = TableHelper::new(&mut table)?;
        let application = helper.required::<Parsed<ResourceId>>("app_id");
        let precedence = helper.optional("precedence");
        helper.finalize(Some(&mut table))?;
        let policy = Policy::deserialize(&mut table)?;
        Ok(OwnPolicy {
            application: application?.0,
            precedence,
            policy: Spanned { value: Arc::new(policy), span: self.span() },
        })
    }
}

impl<'de> Deserialize<'de> for Link {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let span = value.span;
        if value.as_str().is_some() {
            let policy = Spanned { value: Reused::deserialize(value)?.0, span };
            return Ok(Self { policy, precedence: None });
        }
        let mut table = TableHelper::new(value)?;
        let policy = table.required_s::<Reused>("id");
        let precedence = table.optional("precedence");
        // What the API repeats of the policy itself.
        table.finalize(Some(&mut Value::new(ValueInner::Boolean(false))))?;
        let Spanned { value: Reused(value), span } = policy?;
        Ok(Self { policy: Spanned { value, span }, precedence })
    }
}
