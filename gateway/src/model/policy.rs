//! Policies, with the API's words.

use super::duration::GoDuration;
use super::id::ResourceId;

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

    /// Whether such policies are looked at before the others.
    pub const fn is_early(self) -> bool {
        matches!(self, Self::NonIdentity | Self::Bypass)
    }
}

/// A policy without its rules: what a decision says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its id.
    pub id: ResourceId,
    /// What the operator calls it.
    pub name: String,
    /// What it decides.
    pub decision: Decision,
    /// How long a session lasts that it permits, where it says so.
    pub session_duration: Option<GoDuration>,
}
