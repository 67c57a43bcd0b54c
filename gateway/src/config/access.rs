//! `[[mtls_certificate]]` and `[[application]]`, in the shapes of the API.

use std::path::PathBuf;

use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Spanned, Value};

use super::value::{Parsed, inner, invalid, word};
use crate::model::hostname::HostPattern;
use crate::model::policy::{Decision, Policy, Rule};

/// A CA chain, and the hosts whose devices it vouches for.
#[derive(Debug)]
pub struct MtlsCertificate {
    /// What the operator calls it.
    pub name: String,
    /// PEM file: a root, an intermediate and its root, or an issuing intermediate alone.
    pub certificate: Spanned<PathBuf>,
    /// Hosts that trust it.
    pub associated_hostnames: Vec<Spanned<HostPattern>>,
    /// Whether certificates below it may be signed with SHA-1.
    pub allow_sha1: bool,
    /// Where its CRLs are: files, or `https://` URLs.
    pub crl: Vec<Spanned<String>>,
    /// PEM files with certificates that may sign its CRLs in its place.
    pub crl_issuers: Vec<Spanned<PathBuf>>,
    /// Whether CRLs are fetched from where its certificates say.
    pub crl_distribution_points: bool,
    /// What becomes of its devices when a CRL of it has expired.
    pub crl_expired: CrlExpired,
}

/// What becomes of a CA's devices when its CRL has expired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CrlExpired {
    /// All are refused until there is a new one: nobody can know whom it would list.
    #[default]
    Hard,
    /// Those that it lists stay refused, and the others pass.
    Soft,
}

impl<'de> Deserialize<'de> for CrlExpired {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        word(value, &[("hard", Self::Hard), ("soft", Self::Soft)])
    }
}

impl<'de> Deserialize<'de> for MtlsCertificate {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let name = table.required("name");
        let certificate = table.required_s::<String>("certificate");
        let hostnames =
            table.optional::<Vec<Spanned<Parsed<HostPattern>>>>("associated_hostnames").unwrap_or_default();
        let allow_sha1 = table.optional("allow_sha1").unwrap_or_default();
        let crl = table.optional("crl").unwrap_or_default();
        let crl_issuers = table.optional::<Vec<Spanned<String>>>("crl_issuers").unwrap_or_default();
        let crl_distribution_points = table.optional("crl_distribution_points").unwrap_or_default();
        let crl_expired = table.optional("crl_expired").unwrap_or_default();
        table.finalize(None)?;
        Ok(Self {
            name: name?,
            certificate: certificate?.map(),
            associated_hostnames: hostnames.into_iter().map(inner).collect(),
            allow_sha1,
            crl,
            crl_issuers: crl_issuers.into_iter().map(Spanned::map).collect(),
            crl_distribution_points,
            crl_expired,
        })
    }
}

/// Policies for a host.
#[derive(Debug)]
pub struct Application {
    /// The host, whole.
    pub domain: Spanned<HostPattern>,
    /// In precedence order.
    pub policies: Vec<Spanned<Policy>>,
}

impl<'de> Deserialize<'de> for Application {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let domain = table.required_s::<Domain>("domain");
        let policies = table.optional("policy").unwrap_or_default();
        table.finalize(None)?;
        Ok(Self {
            domain: domain.map(|domain| Spanned { value: domain.value.0, span: domain.span })?,
            policies,
        })
    }
}

struct Domain(HostPattern);

impl<'de> Deserialize<'de> for Domain {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let text = value.take_string(None)?;
        if text.contains('/') {
            let message = format!("`{text}`: an application covers a whole host; leave the path out");
            return Err(invalid(message, value.span));
        }
        text.parse().map(Self).map_err(|error| invalid(format!("`{text}`: {error}"), value.span))
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let span = value.span;
        let mut table = TableHelper::new(value)?;
        let name = table.required("name");
        let decision = table.required("decision");
        let include = table.required::<Vec<Rule>>("include");
        let require = table.optional("require").unwrap_or_default();
        let exclude = table.optional("exclude").unwrap_or_default();
        if include.as_ref().is_ok_and(Vec::is_empty) {
            table.errors.extend(invalid("`include` needs at least one rule".to_owned(), span).errors);
        }
        table.finalize(None)?;
        Ok(Self { name: name?, decision: decision?, include: include?, require, exclude })
    }
}

impl<'de> Deserialize<'de> for Decision {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        word(
            value,
            &[Self::Allow, Self::Deny, Self::NonIdentity, Self::Bypass]
                .map(|decision| (decision.as_str(), decision)),
        )
    }
}

impl<'de> Deserialize<'de> for Rule {
    /// A table with one key, which names the selector.
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let span = value.span;
        let mut table = TableHelper::new(value)?;
        let rules = [
            table.optional::<Nothing>("certificate").map(|_| Self::Certificate),
            table.optional::<CommonName>("common_name").map(|name| Self::CommonName(name.0)),
            table.optional::<Nothing>("everyone").map(|_| Self::Everyone),
        ];
        table.finalize(None)?;
        let mut rules = rules.into_iter().flatten();
        match (rules.next(), rules.next()) {
            (Some(rule), None) => Ok(rule),
            _ => Err(invalid("a rule has exactly one selector, like { certificate = {} }".to_owned(), span)),
        }
    }
}

struct Nothing;

impl<'de> Deserialize<'de> for Nothing {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        TableHelper::new(value)?.finalize(None)?;
        Ok(Self)
    }
}

struct CommonName(Box<str>);

impl<'de> Deserialize<'de> for CommonName {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let name = table.required::<String>("common_name");
        table.finalize(None)?;
        Ok(Self(name?.into_boxed_str()))
    }
}
