//! `ca-config.json`: what certificates are for.

use std::collections::BTreeMap;
use std::time::Duration;

use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};
use time::OffsetDateTime;

use super::super::profile::{BACKDATE, PathLength, Profile, Validity};
use super::super::usage::Usage;
use super::csr::{CsrError, length_of_time, path_length};
use super::json::{self, Object};

/// A CA's signing profiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningConfig {
    default: SigningProfile,
    profiles: BTreeMap<String, SigningProfile>,
}

/// A signing profile as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SigningProfile {
    /// Where it stands.
    path: String,
    key_usages: Vec<KeyUsagePurpose>,
    purposes: Vec<ExtendedKeyUsagePurpose>,
    expiry: Option<Duration>,
    backdate: Option<Duration>,
    not_before: Option<OffsetDateTime>,
    not_after: Option<OffsetDateTime>,
    ca: Option<PathLength>,
    crl_url: Option<String>,
    ocsp_url: Option<String>,
    issuer_urls: Vec<String>,
    ocsp_no_check: bool,
    /// What cfssl would do and this does not: nobody may believe that it was done.
    unsupported: Option<&'static str>,
    warnings: Vec<String>,
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

/// What limits or changes a certificate in ways that are not done here.
const UNSUPPORTED: [&str; 8] = [
    "name_whitelist",
    "CSRWhitelist",
    "policies",
    "ct_log_servers",
    "remote",
    "auth_remote",
    "copy_extensions",
    "lint_error_level",
];

/// What matters to cfssl's server only.
const SERVER: [&str; 7] = [
    "auth_key",
    "prev_auth_key",
    "cert_store",
    "allowed_extensions",
    "ignored_lints",
    "ignored_lint_sources",
    "ClientProvidesSerialNumbers",
];

const READ: [&str; 10] = [
    "usages",
    "issuer_urls",
    "ocsp_url",
    "crl_url",
    "ca_constraint",
    "ocsp_no_check",
    "expiry",
    "backdate",
    "not_before",
    "not_after",
];

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
        Ok((chosen.resolve(&self.default, expiry, now), &chosen.warnings))
    }
}

impl SigningProfile {
    /// cfssl's own.
    fn usual() -> Self {
        Self {
            path: "the default profile".to_owned(),
            key_usages: vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment],
            purposes: vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
            expiry: Some(Validity::DEVICE),
            ..Self::empty(String::new())
        }
    }

    fn empty(path: String) -> Self {
        Self {
            path,
            key_usages: Vec::new(),
            purposes: Vec::new(),
            expiry: None,
            backdate: None,
            not_before: None,
            not_after: None,
            ca: None,
            crl_url: None,
            ocsp_url: None,
            issuer_urls: Vec::new(),
            ocsp_no_check: false,
            unsupported: None,
            warnings: Vec::new(),
        }
    }

    fn read(object: &Object<'_>) -> Result<Self, ConfigError> {
        let known = [&READ[..], &UNSUPPORTED, &SERVER].concat();
        let unknown = object.unknown(&known).into_iter();
        let mut profile = Self::empty(object.path("").trim_end_matches('.').to_owned());
        profile.warnings.extend(unknown.map(|field| format!("{field}: not known here, and left out")));
        profile.unsupported = object.says(&UNSUPPORTED);
        profile.read_usages(object)?;
        profile.read_values(object)?;
        profile.not_before = date(object, "not_before")?;
        profile.not_after = date(object, "not_after")?;
        Ok(profile)
    }

    fn read_usages(&mut self, object: &Object<'_>) -> Result<(), ConfigError> {
        let words = object.texts("usages").map_err(CsrError::from)?;
        for (field, word) in &words {
            match Usage::named(word) {
                Some(Usage::Key(usage)) if self.key_usages.contains(&usage) => {}
                Some(Usage::Key(usage)) => self.key_usages.push(usage),
                Some(Usage::Purpose(purpose)) if self.purposes.contains(&purpose) => {}
                Some(Usage::Purpose(purpose)) => self.purposes.push(purpose),
                None => self.warnings.push(format!("{field}: `{word}` is not a usage, and left out")),
            }
        }
        if !words.is_empty() && self.key_usages.is_empty() && self.purposes.is_empty() {
            return Err(ConfigError::UnknownUsages { path: self.path.clone() });
        }
        Ok(())
    }

    fn read_values(&mut self, object: &Object<'_>) -> Result<(), CsrError> {
        self.expiry = length_of_time(object, "expiry")?;
        self.backdate = length_of_time(object, "backdate")?;
        if let Some(constraint) = object.object("ca_constraint")?
            && constraint.flag("is_ca")?
        {
            self.ca = Some(path_length(&constraint, "max_path_len", "max_path_len_zero")?);
        }
        self.crl_url = object.some_text("crl_url")?;
        self.ocsp_url = object.some_text("ocsp_url")?;
        self.issuer_urls = object.texts("issuer_urls")?.into_iter().map(|(_, url)| url.to_owned()).collect();
        self.ocsp_no_check = object.flag("ocsp_no_check")?;
        Ok(())
    }

    /// What it says, and of the rest what the default profile says.
    fn resolve(&self, default: &Self, expiry: Duration, now: OffsetDateTime) -> Profile {
        let backdate = self.backdate.filter(|backdate| !backdate.is_zero()).unwrap_or(BACKDATE);
        let mut validity = Validity::from(now, backdate, expiry);
        if let Some(not_before) = self.not_before {
            validity = Validity::from(not_before, Duration::ZERO, expiry);
            validity.not_before = not_before;
        }
        validity.not_after = self.not_after.unwrap_or(validity.not_after);
        let issuers = if self.issuer_urls.is_empty() { &default.issuer_urls } else { &self.issuer_urls };
        Profile {
            key_usages: self.key_usages.clone(),
            purposes: self.purposes.clone(),
            ca: self.ca,
            validity,
            crl_url: self.crl_url.clone().or_else(|| default.crl_url.clone()),
            ocsp_url: self.ocsp_url.clone().or_else(|| default.ocsp_url.clone()),
            issuer_urls: issuers.clone(),
            ocsp_no_check: self.ocsp_no_check,
        }
    }
}

fn date(object: &Object<'_>, key: &str) -> Result<Option<OffsetDateTime>, ConfigError> {
    let Some(text) = object.some_text(key).map_err(CsrError::from)? else { return Ok(None) };
    match humantime::parse_rfc3339(&text) {
        Ok(at) => Ok(Some(at.into())),
        Err(_) => Err(ConfigError::Date { field: object.path(key), text }),
    }
}

#[cfg(test)]
mod tests;
