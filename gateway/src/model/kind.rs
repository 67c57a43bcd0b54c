//! The kinds of resources that are kept, each under its id.

use std::fmt;
use std::str::FromStr;

/// What a resource is. A closed list: what an older gateway kept, a newer one knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The account's and the zone's ids: one, under the id `self`.
    Identity,
    /// mTLS certificates.
    Certificate,
    /// What origins hear of certificates, by hostname.
    CertificateSettings,
    /// Networks under a name.
    IpList,
    /// Rules under a name.
    Group,
    /// Service tokens.
    ServiceToken,
    /// Policies that applications share.
    Policy,
    /// Applications.
    Application,
    /// Policies of one application.
    ApplicationPolicy,
    /// The organization: one, under the id `self`.
    Organization,
    /// How keys of application tokens are rotated: one, under the id `self`.
    Keys,
    /// Managed transforms, by the names that the API has for them.
    ManagedTransform,
    /// Where alerts go.
    AlertWebhook,
    /// Which alerts go where.
    AlertPolicy,
    /// Alerts that are due, under way or delivered.
    AlertDelivery,
    /// Alerts that were sent.
    AlertHistory,
    /// Bearer tokens of the API.
    AdminToken,
}

/// The text is no kind of resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no kind of resource `{0}`")]
pub struct NotAKind(pub String);

impl Kind {
    /// Every kind; what others refer to comes before them.
    pub const ALL: [Self; 17] = [
        Self::Identity,
        Self::Certificate,
        Self::CertificateSettings,
        Self::IpList,
        Self::Group,
        Self::ServiceToken,
        Self::Policy,
        Self::Application,
        Self::ApplicationPolicy,
        Self::Organization,
        Self::Keys,
        Self::ManagedTransform,
        Self::AlertWebhook,
        Self::AlertPolicy,
        Self::AlertDelivery,
        Self::AlertHistory,
        Self::AdminToken,
    ];

    /// The word for it, which never changes: it is kept.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Certificate => "mtls_certificate",
            Self::CertificateSettings => "certificate_settings",
            Self::IpList => "ip_list",
            Self::Group => "group",
            Self::ServiceToken => "service_token",
            Self::Policy => "policy",
            Self::Application => "application",
            Self::ApplicationPolicy => "application_policy",
            Self::Organization => "organization",
            Self::Keys => "keys",
            Self::ManagedTransform => "managed_transform",
            Self::AlertWebhook => "alert_webhook",
            Self::AlertPolicy => "alert_policy",
            Self::AlertDelivery => "alert_delivery",
            Self::AlertHistory => "alert_history",
            Self::AdminToken => "admin_token",
        }
    }

    /// Whether traffic depends on it: a change of one takes a new snapshot.
    pub const fn is_compiled(self) -> bool {
        match self {
            Self::Certificate
            | Self::CertificateSettings
            | Self::IpList
            | Self::Group
            | Self::ServiceToken
            | Self::Policy
            | Self::Application
            | Self::ApplicationPolicy
            | Self::Organization
            | Self::Keys
            | Self::ManagedTransform => true,
            Self::Identity
            | Self::AlertWebhook
            | Self::AlertPolicy
            | Self::AlertDelivery
            | Self::AlertHistory
            | Self::AdminToken => false,
        }
    }

    /// The field of its documents that is a secret, or the hash of one.
    pub const fn secret(self) -> Option<&'static str> {
        match self {
            Self::ServiceToken => Some("client_secret_sha256"),
            Self::AlertWebhook => Some("secret"),
            Self::AdminToken => Some("sha256"),
            Self::Identity
            | Self::Certificate
            | Self::CertificateSettings
            | Self::IpList
            | Self::Group
            | Self::Policy
            | Self::Application
            | Self::ApplicationPolicy
            | Self::Organization
            | Self::Keys
            | Self::ManagedTransform
            | Self::AlertPolicy
            | Self::AlertDelivery
            | Self::AlertHistory => None,
        }
    }
}

impl FromStr for Kind {
    type Err = NotAKind;

    fn from_str(text: &str) -> Result<Self, NotAKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| NotAKind(text.to_owned()))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_by_its_word_and_stands_in_its_order() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert!(Kind::ALL.is_sorted());
        assert_eq!("tunnel".parse::<Kind>(), Err(NotAKind("tunnel".to_owned())));
    }
}
