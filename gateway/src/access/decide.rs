//! `decide`: facts in, a permit or a denial out. No clock, no socket, no lock, and nothing is allocated.

use std::net::IpAddr;

use super::service_tokens::Presented;
use super::table::{AccessTable, Guarded};
use super::trace::Watch;
use crate::device::Device;
use crate::model::application::Application;
use crate::model::cors::CorsHeaders;
use crate::model::country::Country;
use crate::model::hostname::Hostname;
use crate::model::policy::{Decision, Policy};

/// What a decision is made from.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The requested name, one of the host's.
    pub name: &'a Hostname,
    /// The requested path as it was sent, without its query.
    pub path: &'a str,
    /// Whether it is a browser's question before the request (OPTIONS with `Origin` and
    /// `Access-Control-Request-Method`).
    pub preflight: bool,
    /// The device at the other end.
    pub device: &'a Device,
    /// The address that the connection comes from.
    pub source: IpAddr,
    /// The country of that address, where it is known.
    pub country: Option<Country>,
    /// The service token that it shows.
    pub service_token: Presented<'a>,
    /// Seconds since the epoch.
    pub now: u64,
}

/// The request may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit<'a> {
    /// The application that it is for; none where nothing is protected.
    pub application: Option<&'a Application>,
    /// The policy that said so; none where nothing is protected, and for preflight requests that are let through or
    /// answered.
    pub policy: Option<&'a Policy>,
}

/// The request may not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denial<'a> {
    /// The application that it is for, if there is one.
    pub application: Option<&'a Application>,
    /// The policy that said so, if one did.
    pub policy: Option<&'a Policy>,
    /// Why.
    pub reason: Reason,
}

/// Why a request is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The path decides, and the origin could take it for another one.
    AmbiguousPath,
    /// The device sent a certificate that does not verify.
    CertificateInvalid,
    /// The device sent no certificate.
    CertificateMissing,
    /// A Deny policy matched.
    DeniedByPolicy,
    /// An Allow policy matched, which needs a login, and there is none.
    LoginUnavailable,
    /// The host asks for certificates, and no application of it is for this path.
    NoApplication,
    /// The device verified, and no policy matched.
    NoPolicyMatched,
    /// No policy matched, and the service token that was shown does not count.
    ServiceTokenInvalid,
}

impl Reason {
    /// Every reason, for metrics and documentation.
    pub const ALL: [Self; 8] = [
        Self::AmbiguousPath,
        Self::CertificateInvalid,
        Self::CertificateMissing,
        Self::DeniedByPolicy,
        Self::LoginUnavailable,
        Self::NoApplication,
        Self::NoPolicyMatched,
        Self::ServiceTokenInvalid,
    ];

    /// The value of the metric label and the log field `reason`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::AmbiguousPath => "ambiguous_path",
            Self::CertificateInvalid => "certificate_invalid",
            Self::CertificateMissing => "certificate_missing",
            Self::DeniedByPolicy => "denied_by_policy",
            Self::LoginUnavailable => "login_unavailable",
            Self::NoApplication => "no_application",
            Self::NoPolicyMatched => "no_policy_matched",
            Self::ServiceTokenInvalid => "service_token_invalid",
        }
    }
}

impl<'a> Permit<'a> {
    /// The name of the policy that said so.
    pub fn policy_name(&self) -> Option<&'a str> {
        self.policy.map(|policy| policy.name.as_str())
    }

    /// How to answer instead of the origin: to a preflight request, of an application that gives such answers here.
    pub fn preflight_answer(&self) -> Option<&'a CorsHeaders> {
        // An application permits without a policy to preflight requests only.
        if self.policy.is_some() { None } else { self.application?.settings.cors_headers.as_ref() }
    }

    /// Whether it makes a session, with a token and a cookie: Service Auth does, Bypass does not.
    pub fn makes_a_session(&self) -> bool {
        self.policy.is_some_and(|policy| policy.decision == Decision::NonIdentity)
    }
}

impl<'a> Denial<'a> {
    /// The name of the policy that said so.
    pub fn policy_name(&self) -> Option<&'a str> {
        self.policy.map(|policy| policy.name.as_str())
    }
}

/// Decides about a request. Service Auth and Bypass policies come first, then Allow and Deny, each in precedence
/// order; the first that matches decides. Default: deny.
///
/// # Errors
/// The denial.
pub fn decide<'a>(table: &'a AccessTable, facts: &Facts<'_>) -> Result<Permit<'a>, Denial<'a>> {
    evaluate(table, facts, &mut ())
}

/// The decision, before somebody who watches.
pub(super) fn evaluate<'a>(
    table: &'a AccessTable,
    facts: &Facts<'_>,
    watch: &mut impl Watch<'a>,
) -> Result<Permit<'a>, Denial<'a>> {
    let denied = |reason| Err(Denial { application: None, policy: None, reason });
    let guarded = match table.find(facts.name, facts.path) {
        Ok(Some(guarded)) => guarded,
        Ok(None) if table.asks_for_certificates() => return denied(Reason::NoApplication),
        Ok(None) => return Ok(Permit { application: None, policy: None }),
        Err(_) => return denied(Reason::AmbiguousPath),
    };
    watch.application(guarded);
    let application = &guarded.application;
    if facts.preflight && application.settings.knows_preflights() {
        return Ok(Permit { application: Some(application), policy: None });
    }
    for compiled in guarded.policies() {
        watch.policy(compiled);
        let denying = compiled.policy.decision == Decision::Deny;
        let matched = compiled.conditions.hold(facts, denying, watch);
        watch.policy_end(matched);
        if matched {
            return conclude(guarded, &compiled.policy);
        }
    }
    Err(Denial { application: Some(application), policy: None, reason: unmatched(facts) })
}

fn conclude<'a>(guarded: &'a Guarded, matched: &'a Policy) -> Result<Permit<'a>, Denial<'a>> {
    let (application, policy) = (Some(&guarded.application), Some(matched));
    match matched.decision {
        Decision::NonIdentity | Decision::Bypass => Ok(Permit { application, policy }),
        Decision::Allow => Err(Denial { application, policy, reason: Reason::LoginUnavailable }),
        Decision::Deny => Err(Denial { application, policy, reason: Reason::DeniedByPolicy }),
    }
}

fn unmatched(facts: &Facts<'_>) -> Reason {
    match (facts.device, facts.service_token) {
        (Device::Refused(_), _) => Reason::CertificateInvalid,
        (_, Presented::Invalid) => Reason::ServiceTokenInvalid,
        (Device::Absent, _) => Reason::CertificateMissing,
        (Device::Verified(_), _) => Reason::NoPolicyMatched,
    }
}

#[cfg(test)]
mod tests;
