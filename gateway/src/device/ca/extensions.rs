//! What an uploaded CA's extensions ask for that nobody here does.

use std::collections::BTreeSet;
use std::fmt;

use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::X509Certificate;

/// What webpki processes (RFC 5280, 4.2.1): key usage, subject alternative names, basic constraints, name constraints,
/// CRL distribution points and extended key usage.
const PROCESSED: [&str; 6] = ["2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.31", "2.5.29.37"];

/// What asks for nothing. Subject and authority key identifiers only help to find a path. Where no policy is asked for,
/// every policy is good: certificate policies, policy mappings and inhibitAnyPolicy. Policy constraints do ask for one.
const WITHOUT_DEMAND: [&str; 5] = ["2.5.29.14", "2.5.29.35", "2.5.29.32", "2.5.29.33", "2.5.29.54"];

/// What a certificate of an upload is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Paths end at it, and webpki does not look at its extensions.
    Anchor,
    /// It stands on paths, and webpki refuses those where it does not process a critical extension.
    Intermediate,
}

/// The object identifier of a critical extension that is not processed in this role.
pub(super) fn unprocessed(certificate: &X509Certificate<'_>, role: Role) -> Option<String> {
    let critical = certificate.iter_extensions().filter(|extension| extension.critical);
    critical.map(|extension| extension.oid.to_id_string()).find(|oid| {
        let processed = PROCESSED.contains(&oid.as_str());
        !processed && (role == Role::Intermediate || !WITHOUT_DEMAND.contains(&oid.as_str()))
    })
}

/// A kind of name that a CA constrains and webpki does not compare: who has such a name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnevaluatedNames {
    /// Subjects, which every certificate has.
    Directory,
    /// Mail addresses.
    Email,
    /// Uniform resource identifiers.
    Uri,
    /// A kind that hardly anybody uses, or one that cannot be read.
    Other,
}

impl UnevaluatedNames {
    /// The kinds that the name constraints of a certificate are about.
    pub(super) fn of(certificate: &X509Certificate<'_>) -> BTreeSet<Self> {
        let constraints =
            certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::NameConstraints(constraints) => Some(constraints),
                _ => None,
            });
        let subtrees = constraints.into_iter().flat_map(|constraints| {
            let both = [&constraints.permitted_subtrees, &constraints.excluded_subtrees];
            both.into_iter().flatten().flatten()
        });
        subtrees.filter_map(|subtree| Self::kind(&subtree.base)).collect()
    }

    fn kind(name: &GeneralName<'_>) -> Option<Self> {
        match name {
            GeneralName::DNSName(_) | GeneralName::IPAddress(_) => None,
            GeneralName::DirectoryName(_) => Some(Self::Directory),
            GeneralName::RFC822Name(_) => Some(Self::Email),
            GeneralName::URI(_) => Some(Self::Uri),
            _ => Some(Self::Other),
        }
    }
}

impl fmt::Display for UnevaluatedNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Directory => "constrains directory names, which is not evaluated here: it verifies nobody",
            Self::Email => "constrains e-mail addresses, which is not evaluated here: who has one in the certificate is refused",
            Self::Uri => "constrains URIs, which is not evaluated here: who has one in the certificate is refused",
            Self::Other => "constrains names of an uncommon kind, which is not evaluated here: who has one in the certificate is refused",
        })
    }
}
