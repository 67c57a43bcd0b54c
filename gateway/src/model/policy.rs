//! Access applications and their policies, with the API's words.

use super::hostname::HostPattern;

/// What a policy decides about a request that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Permit, once somebody has logged in.
    Allow,
    /// Refuse.
    Deny,
    /// Service Auth: permit without a login.
    NonIdentity,
    /// Permit without looking.
    Bypass,
}

impl Decision {
    /// The word for it in the API and in configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::NonIdentity => "non_identity",
            Self::Bypass => "bypass",
        }
    }
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `{ certificate = {} }`: the device has a valid certificate.
    Certificate,
    /// `{ common_name = { common_name = "…" } }`: it is valid, and this is exactly its common name.
    CommonName(Box<str>),
    /// `{ everyone = {} }`.
    Everyone,
}

/// A decision, and when it is taken: any of `include`, all of `require`, none of `exclude`.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What the operator calls it.
    pub name: String,
    /// What it decides.
    pub decision: Decision,
    /// At least one must match. Never empty.
    pub include: Vec<Rule>,
    /// All must match.
    pub require: Vec<Rule>,
    /// None may match.
    pub exclude: Vec<Rule>,
}

/// What a set of policies protects.
#[derive(Clone, Debug)]
pub struct Application {
    /// The hosts it covers, whole.
    pub domain: HostPattern,
    /// In precedence order.
    pub policies: Vec<Policy>,
}
