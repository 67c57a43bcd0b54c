//! `ca-config.json`: what certificates are for.

mod profile;

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::csr::CsrError;
use super::json::{self, Object};
use crate::pki::profile::{Profile, Validity};
use crate::pki::usage::Usage;
use profile::SigningProfile;

/// A CA's signing profiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningConfig {
    default: SigningProfile,
    profiles: BTreeMap<String, SigningProfile>,
}

/// Why a file has no profile to sign with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A value.
    #[error(transparent)]
    Value(#[from] CsrError),
    /// There is nothing in it.
    #[error("there is no `signing` section")]
    NoSigning,
    /// No such profile. cfssl would take the default one.
    #[error("there is no profile `{name}` in signing.profiles; {}", known(profiles))]
    NoProfile {
        /// What was asked for.
        name: String,
        /// Those that are there.
        profiles: Vec<String>,
    },
    /// It says nothing of what its certificates are for.
    #[error("{path} has no usages, so that nothing can be signed with it; {}", known(profiles))]
    NoUsages {
        /// Which profile.
        path: String,
        /// The named ones.
        profiles: Vec<String>,
    },
    /// None of its usages is one.
    #[error("{path}.usages: none of them is known; {} are", Usage::WORDS.join(", "))]
    UnknownUsages {
        /// Which profile.
        path: String,
    },
    /// It does not say how long.
    #[error("{path}.expiry is missing; write it like 8760h")]
    NoExpiry {
        /// Which profile.
        path: String,
    },
    /// A date.
    #[error("{field}: `{text}` is not a date; write it like 2027-01-31T00:00:00Z")]
    Date {
        /// Where it stands.
        field: String,
        /// What stands there.
        text: String,
    },
    /// It ends before it begins.
    #[error("{path}: its certificates would end ({not_after}) before they begin ({not_before})")]
    Dates {
        /// Which profile.
        path: String,
        /// When they would begin.
        not_before: OffsetDateTime,
        /// When they would end.
        not_after: OffsetDateTime,
    },
    /// It asks for what is not done here.
    #[error("{path}.{field} is not supported here: take it out, or sign with cfssl")]
    Unsupported {
        /// Which profile.
        path: String,
        /// Which field of it.
        field: &'static str,
    },
}

fn known(profiles: &[String]) -> String {
    match profiles {
        [] => "there are no named ones".to_owned(),
        profiles => format!("choose one of {}", profiles.join(", ")),
    }
}

impl SigningConfig {
    /// Reads a file's text.
    pub fn parse(text: &[u8]) -> Result<Self, ConfigError> {
        let value = json::parse(text).map_err(CsrError::from)?;
        let top = Object::top(&value).map_err(CsrError::from)?;
        let signing = top.object("signing").map_err(CsrError::from)?.ok_or(ConfigError::NoSigning)?;
        let default = signing.object("default").map_err(CsrError::from)?;
        let default =
            default.map_or_else(|| Ok(SigningProfile::usual()), |object| SigningProfile::read(&object))?;
        let mut profiles = BTreeMap::new();
        if let Some(named) = signing.object("profiles").map_err(CsrError::from)? {
            for entry in named.entries() {
                let (name, object) = entry.map_err(CsrError::from)?;
                profiles.insert(name.to_owned(), SigningProfile::read(&object)?);
            }
        }
        Ok(Self { default, profiles })
    }

    /// What cfssl signs with where no file says otherwise.
    pub fn usual() -> Self {
        Self { default: SigningProfile::usual(), profiles: BTreeMap::new() }
    }

    /// The profile with this name, or the default one, as of `now`; and what cfssl would let pass in silence.
    pub fn profile(&self, name: &str, now: OffsetDateTime) -> Result<(Profile, &[String]), ConfigError> {
        let profiles = || self.profiles.keys().cloned().collect();
        let chosen = match (name, self.profiles.get(name)) {
            (_, Some(profile)) => profile,
            ("" | "default", None) => &self.default,
            (name, None) => {
                return Err(ConfigError::NoProfile { name: name.to_owned(), profiles: profiles() });
            }
        };
        let path = || chosen.path.clone();
        if let Some(field) = chosen.unsupported {
            return Err(ConfigError::Unsupported { path: path(), field });
        }
        if chosen.key_usages.is_empty() && chosen.purposes.is_empty() {
            return Err(ConfigError::NoUsages { path: path(), profiles: profiles() });
        }
        let expiry = chosen.expiry.or(self.default.expiry).filter(|expiry| !expiry.is_zero());
        let expiry = expiry.ok_or_else(|| ConfigError::NoExpiry { path: path() })?;
        let profile = chosen.resolve(&self.default, expiry, now);
        let Validity { not_before, not_after } = profile.validity;
        if not_after <= not_before {
            return Err(ConfigError::Dates { path: path(), not_before, not_after });
        }
        Ok((profile, &chosen.warnings))
    }
}

#[cfg(test)]
mod tests;
