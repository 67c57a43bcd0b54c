//! Rules that name other resources, to tests that need no names.

use std::sync::Arc;

use super::conditions::{Conditions, Test};
use super::directory::Directory;
use super::networks::Networks;
use super::service_tokens::ServiceTokens;
use crate::model::id::{Reference, ResourceId};
use crate::model::rule::Rule;
use crate::model::selector::{PolicyOid, SerialNumber};

/// Rules that a policy or group may come to, those of its groups included.
pub const MAX_RULES: usize = 10_000;
/// Groups that may be within each other.
pub const MAX_DEPTH: usize = 16;

/// What rules may refer to.
#[derive(Debug, Default)]
pub struct Resolver {
    /// mTLS certificates.
    pub issuers: Directory<Arc<str>>,
    /// Groups; `None` for those that do not compile.
    pub groups: Directory<Option<Arc<Conditions>>>,
    /// Lists of networks.
    pub ip_lists: Directory<Arc<Networks>>,
    /// Service tokens.
    pub tokens: Arc<ServiceTokens>,
    /// Whether addresses can be told countries of.
    pub knows_countries: bool,
}

/// Why a rule comes to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Countries, and nobody to tell them.
    #[error("a `geo` rule needs a database")]
    NoGeoDatabase,
    /// Nothing with this id or name.
    #[error("there is no {what} `{reference}`")]
    Unknown {
        /// The kind of resource.
        what: &'static str,
        /// How it was named.
        reference: Reference,
    },
}

/// Why conditions are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooMany {
    /// Of groups within groups.
    #[error("more than {MAX_DEPTH} groups are within each other")]
    Groups,
    /// Of rules.
    #[error("it comes to more than {MAX_RULES} rules with those of its groups")]
    Rules,
}

impl Resolver {
    /// The test of a rule.
    ///
    /// # Errors
    /// [`ResolveError`] when it refers to something that is not there.
    pub fn test(&self, rule: &Rule) -> Result<Test, ResolveError> {
        Ok(match rule {
            Rule::AnyValidServiceToken => Test::AnyToken,
            Rule::CertExpiresWithin(time) => Test::ExpiresWithin(time.get().as_secs()),
            Rule::CertFingerprint(values) => Test::Fingerprint(values.iter().map(|value| value.0).collect()),
            Rule::CertIssuer(name) => {
                Test::Issuer(Arc::clone(find(&self.issuers, name, "mTLS certificate")?))
            }
            Rule::CertOrganization(names) => Test::Organization(sorted(names)),
            Rule::CertOrganizationalUnit(names) => Test::OrganizationalUnit(sorted(names)),
            Rule::CertPolicyOid(oids) => Test::Policy(sorted(oids.iter().map(PolicyOid::as_str))),
            Rule::CertSan(names) => Test::San(names.clone()),
            Rule::CertSerial(serials) => Test::Serial(sorted(serials.iter().map(SerialNumber::as_str))),
            Rule::Certificate => Test::Certificate,
            Rule::CommonName(names) => Test::CommonName(sorted(names)),
            Rule::Everyone => Test::Everyone,
            Rule::Geo(countries) if self.knows_countries => Test::Country(countries.clone()),
            Rule::Geo(_) => return Err(ResolveError::NoGeoDatabase),
            // A group that does not compile was complained of where it stands.
            Rule::Group(name) => find(&self.groups, name, "group")?.clone().map_or(Test::Never, Test::Group),
            Rule::Ip(networks) => Test::Networks(Arc::new(Networks::new(networks))),
            Rule::IpList(name) => Test::Networks(Arc::clone(find(&self.ip_lists, name, "IP list")?)),
            Rule::ServiceToken(name) => Test::Token(self.token(name)?),
            Rule::Unanswered(_) => Test::Never,
        })
    }

    fn token(&self, reference: &Reference) -> Result<ResourceId, ResolveError> {
        self.tokens.meant(reference).ok_or_else(|| unknown("service token", reference))
    }
}

/// Whether conditions are few enough to be asked with every request.
///
/// # Errors
/// [`TooMany`].
pub fn check_size(conditions: &Conditions) -> Result<(), TooMany> {
    if conditions.depth() > MAX_DEPTH {
        return Err(TooMany::Groups);
    }
    if conditions.size() > MAX_RULES { Err(TooMany::Rules) } else { Ok(()) }
}

fn find<'a, T>(
    resources: &'a Directory<T>,
    reference: &Reference,
    what: &'static str,
) -> Result<&'a T, ResolveError> {
    resources.find(reference).ok_or_else(|| unknown(what, reference))
}

fn unknown(what: &'static str, reference: &Reference) -> ResolveError {
    ResolveError::Unknown { what, reference: reference.clone() }
}

fn sorted<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Box<[Box<str>]> {
    let mut texts: Vec<Box<str>> = texts.into_iter().map(|text| text.as_ref().into()).collect();
    texts.sort_unstable();
    texts.dedup();
    texts.into()
}
