//! One condition of a policy or group.

use std::fmt;

use ipnet::IpNet;

use super::country::Country;
use super::duration::GoDuration;
use super::id::Reference;
use super::selector::{CertificateHash, PolicyOid, San, SerialNumber, Unanswered};

/// One condition. Those about certificates hold only for one that verified; of several values one is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `{ any_valid_service_token = {} }`: a service token that counts.
    AnyValidServiceToken,
    /// `{ cert_expires_within = { duration = "720h" } }`: the certificate ends within this time.
    CertExpiresWithin(GoDuration),
    /// `{ cert_fingerprint = { sha256 = "…" } }`: this is the certificate.
    CertFingerprint(Box<[CertificateHash]>),
    /// `{ cert_issuer = { name = "…" } }`: this mTLS certificate vouches for it.
    CertIssuer(Reference),
    /// `{ cert_o = { o = "…" } }`: an organization of its subject.
    CertOrganization(Box<[Box<str>]>),
    /// `{ cert_ou = { ou = "…" } }`: an organizational unit of its subject.
    CertOrganizationalUnit(Box<[Box<str>]>),
    /// `{ cert_policy_oid = { oid = "…" } }`: a certificate policy that it names.
    CertPolicyOid(Box<[PolicyOid]>),
    /// `{ cert_san = { uri = "…" } }`: a subject alternative name, of its type.
    CertSan(Box<[San]>),
    /// `{ cert_serial = { serial = "…" } }`: its serial number, whoever issued it.
    CertSerial(Box<[SerialNumber]>),
    /// `{ certificate = {} }`: the device has a valid certificate.
    Certificate,
    /// `{ common_name = { common_name = "…" } }`: this is its one common name.
    CommonName(Box<[Box<str>]>),
    /// `{ everyone = {} }`.
    Everyone,
    /// `{ geo = { country_code = "…" } }`: where the source's address is, by the operator's database.
    Geo(Box<[Country]>),
    /// `{ group = { name = "…" } }`: a rule group holds.
    Group(Reference),
    /// `{ ip = { ip = "…" } }`: the source's address is in this network.
    Ip(Box<[IpNet]>),
    /// `{ ip_list = { name = "…" } }`: it is in a list of networks.
    IpList(Reference),
    /// `{ service_token = { token_id = "…" } }`: this service token.
    ServiceToken(Reference),
    /// Something that cannot be known here: it never holds.
    Unanswered(Box<Unanswered>),
}

impl Rule {
    /// The selector's name in the API and in configuration.
    pub fn selector(&self) -> &'static str {
        match self {
            Self::AnyValidServiceToken => "any_valid_service_token",
            Self::CertExpiresWithin(_) => "cert_expires_within",
            Self::CertFingerprint(_) => "cert_fingerprint",
            Self::CertIssuer(_) => "cert_issuer",
            Self::CertOrganization(_) => "cert_o",
            Self::CertOrganizationalUnit(_) => "cert_ou",
            Self::CertPolicyOid(_) => "cert_policy_oid",
            Self::CertSan(_) => "cert_san",
            Self::CertSerial(_) => "cert_serial",
            Self::Certificate => "certificate",
            Self::CommonName(_) => "common_name",
            Self::Everyone => "everyone",
            Self::Geo(_) => "geo",
            Self::Group(_) => "group",
            Self::Ip(_) => "ip",
            Self::IpList(_) => "ip_list",
            Self::ServiceToken(_) => "service_token",
            Self::Unanswered(rule) => rule.selector,
        }
    }

    /// Whether what it means is said elsewhere too.
    pub fn refers(&self) -> bool {
        match self {
            Self::CertIssuer(_)
            | Self::Geo(_)
            | Self::Group(_)
            | Self::IpList(_)
            | Self::AnyValidServiceToken
            | Self::ServiceToken(_) => true,
            Self::CertExpiresWithin(_)
            | Self::CertFingerprint(_)
            | Self::CertOrganization(_)
            | Self::CertOrganizationalUnit(_)
            | Self::CertPolicyOid(_)
            | Self::CertSan(_)
            | Self::CertSerial(_)
            | Self::Certificate
            | Self::CommonName(_)
            | Self::Everyone
            | Self::Ip(_)
            | Self::Unanswered(_) => false,
        }
    }

    /// Whether it asks for a certificate that verified.
    pub fn is_about_certificates(&self) -> bool {
        matches!(
            self,
            Self::CertExpiresWithin(_)
                | Self::CertFingerprint(_)
                | Self::CertIssuer(_)
                | Self::CertOrganization(_)
                | Self::CertOrganizationalUnit(_)
                | Self::CertPolicyOid(_)
                | Self::CertSan(_)
                | Self::CertSerial(_)
                | Self::Certificate
                | Self::CommonName(_)
        )
    }
}

impl fmt::Display for Rule {
    /// The selector and what it says, for people: `common_name James Royal`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.selector())?;
        match self {
            Self::AnyValidServiceToken | Self::Certificate | Self::Everyone => Ok(()),
            Self::CertExpiresWithin(time) => write!(f, " {time}"),
            Self::CertFingerprint(values) => list(f, values),
            Self::CertIssuer(reference)
            | Self::Group(reference)
            | Self::IpList(reference)
            | Self::ServiceToken(reference) => write!(f, " {reference}"),
            Self::CertOrganization(values)
            | Self::CertOrganizationalUnit(values)
            | Self::CommonName(values) => list(f, values),
            Self::CertPolicyOid(values) => list(f, values),
            Self::CertSan(values) => list(f, values),
            Self::CertSerial(values) => list(f, values),
            Self::Geo(values) => list(f, values),
            Self::Ip(values) => list(f, values),
            Self::Unanswered(rule) => write!(f, " {}", rule.body),
        }
    }
}

fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, values: &[T]) -> fmt::Result {
    values
        .iter()
        .enumerate()
        .try_for_each(|(index, value)| write!(f, "{}{value}", if index == 0 { " " } else { " or " }))
}
