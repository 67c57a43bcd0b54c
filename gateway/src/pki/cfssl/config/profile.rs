//! One signing profile.

use std::time::Duration;

use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};
use time::OffsetDateTime;

use super::ConfigError;
use crate::pki::cfssl::csr::{CsrError, length_of_time, path_length};
use crate::pki::cfssl::json::Object;
use crate::pki::profile::{BACKDATE, PathLength, Profile, Validity};
use crate::pki::usage::Usage;

/// A signing profile as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SigningProfile {
    /// Where it stands.
    pub(super) path: String,
    pub(super) key_usages: Vec<KeyUsagePurpose>,
    pub(super) purposes: Vec<ExtendedKeyUsagePurpose>,
    pub(super) expiry: Option<Duration>,
    backdate: Option<Duration>,
    not_before: Option<OffsetDateTime>,
    not_after: Option<OffsetDateTime>,
    ca: Option<PathLength>,
    crl_url: Option<String>,
    ocsp_url: Option<String>,
    issuer_urls: Vec<String>,
    ocsp_no_check: bool,
    /// What cfssl would do and this does not: nobody may believe that it was done.
    pub(super) unsupported: Option<&'static str>,
    pub(super) warnings: Vec<String>,
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

impl SigningProfile {
    /// cfssl's own.
    pub(super) fn usual() -> Self {
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

    pub(super) fn read(object: &Object<'_>) -> Result<Self, ConfigError> {
        let known = [&READ[..], &UNSUPPORTED, &SERVER].concat();
        let unknown = object.unknown(&known).into_iter();
        let mut profile = Self::empty(object.path("").trim_end_matches('.').to_owned());
        profile.warnings.extend(unknown.map(|field| format!("{field}: not known here, and left out")));
        profile.unsupported = object.says(&UNSUPPORTED);
        profile.read_usages(object)?;
        profile.read_values(object)?;
        profile.warn_of_half_a_ca();
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

    /// cfssl signs both, and RFC 5280 (4.2.1.3) forbids the first.
    fn warn_of_half_a_ca(&mut self) {
        let signs = self.key_usages.contains(&KeyUsagePurpose::KeyCertSign);
        let path = &self.path;
        self.warnings.extend(match self.ca {
            None if signs => {
                Some(format!("{path}.usages: `cert sign` is for CAs, and ca_constraint.is_ca is not set"))
            }
            Some(_) if !signs => {
                Some(format!("{path}.usages: a CA without `cert sign` signs nothing that verifies"))
            }
            _ => None,
        });
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
    pub(super) fn resolve(&self, default: &Self, expiry: Duration, now: OffsetDateTime) -> Profile {
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
