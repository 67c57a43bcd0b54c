//! `[[mtls_certificate]]`, `[[application]]` and what policies refer to, in the shapes of the API.

mod application;
mod conditions;
mod cors;
mod pem;
mod resource;
mod rule;

use std::path::PathBuf;

use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Spanned, Value};

pub(super) use application::Reused;
pub use application::{Application, Listed};
pub use conditions::{Conditions, Group, Policy};
pub use pem::Pem;
pub use resource::{IpList, ServiceToken};
pub(super) use rule::Network;

use super::value::{Parsed, inner, word};
use crate::model::hostname::HostPattern;
use crate::model::id::ResourceId;

/// A CA chain, and the hosts whose devices it vouches for.
#[derive(Debug)]
pub struct MtlsCertificate {
    /// Its id, where it is given.
    pub id: Option<ResourceId>,
    /// What the operator calls it.
    pub name: String,
    /// A root, an intermediate and its root, or an issuing intermediate alone.
    pub certificate: Spanned<Pem>,
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

impl MtlsCertificate {
    /// Its id: the one that is given, or the one that follows from its name.
    pub fn id(&self) -> ResourceId {
        self.id.unwrap_or_else(|| ResourceId::derived("mtls_certificate", &self.name))
    }
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
        let id = table.optional::<Parsed<ResourceId>>("id").map(|id| id.0);
        let name = table.required("name");
        let certificate = table.required_s("certificate");
        let hostnames =
            table.optional::<Vec<Spanned<Parsed<HostPattern>>>>("associated_hostnames").unwrap_or_default();
        let allow_sha1 = table.optional("allow_sha1").unwrap_or_default();
        let crl = table.optional("crl").unwrap_or_default();
        let crl_issuers = table.optional::<Vec<Spanned<String>>>("crl_issuers").unwrap_or_default();
        let crl_distribution_points = table.optional("crl_distribution_points").unwrap_or_default();
        let crl_expired = table.optional("crl_expired").unwrap_or_default();
        table.finalize(None)?;
        Ok(Self {
            id,
            name: name?,
            certificate: certificate?,
            associated_hostnames: hostnames.into_iter().map(inner).collect(),
            allow_sha1,
            crl,
            crl_issuers: crl_issuers.into_iter().map(Spanned::map).collect(),
            crl_distribution_points,
            crl_expired,
        })
    }
}
