//! `decide`: facts in, a permit or a denial out. No clock, no socket, no lock.

use crate::device::Device;
use crate::model::policy::{Application, Decision, Policy, Rule};

/// What a decision is made from.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The application of the requested host, if it has one.
    pub application: Option<&'a Application>,
    /// Whether the host asks devices for certificates.
    pub asks_for_certificates: bool,
    /// The device at the other end.
    pub device: &'a Device,
}

/// The request may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit<'a> {
    /// The policy that said so; none on a host without certificates and without an application.
    pub policy: Option<&'a str>,
}

/// The request may not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denial<'a> {
    /// The policy that said so, if one did.
    pub policy: Option<&'a str>,
    /// Why.
    pub reason: Reason,
}

/// Why a request is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The device sent a certificate that does not verify.
    CertificateInvalid,
    /// The device sent no certificate.
    CertificateMissing,
    /// A `deny` policy matched.
    DeniedByPolicy,
    /// An `allow` policy matched, and there is no way to log in.
    LoginUnavailable,
    /// The host asks for certificates and has no application.
    NoApplication,
    /// No policy matched although the device verified.
    NoPolicyMatched,
}

impl Reason {
    /// Every reason, for metrics and documentation.
    pub const ALL: [Self; 6] = [
        Self::CertificateInvalid,
        Self::CertificateMissing,
        Self::DeniedByPolicy,
        Self::LoginUnavailable,
        Self::NoApplication,
        Self::NoPolicyMatched,
    ];

    /// The value of the metric label and the log field `reason`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::CertificateInvalid => "certificate_invalid",
            Self::CertificateMissing => "certificate_missing",
            Self::DeniedByPolicy => "denied_by_policy",
            Self::LoginUnavailable => "login_unavailable",
            Self::NoApplication => "no_application",
            Self::NoPolicyMatched => "no_policy_matched",
        }
    }
}

/// Decides about a request. Service Auth and Bypass policies come first, then Allow and Deny, each in precedence
/// order; the first that matches decides. Default: deny.
///
/// # Errors
/// The denial.
pub fn decide<'a>(facts: &Facts<'a>) -> Result<Permit<'a>, Denial<'a>> {
    let Some(application) = facts.application else {
        return if facts.asks_for_certificates {
            Err(Denial { policy: None, reason: Reason::NoApplication })
        } else {
            Ok(Permit { policy: None })
        };
    };
    let early = |policy: &&Policy| matches!(policy.decision, Decision::NonIdentity | Decision::Bypass);
    let policies = application.policies.iter();
    let ordered = policies.clone().filter(early).chain(policies.filter(|policy| !early(policy)));
    match ordered.into_iter().find(|policy| matches(policy, facts.device)) {
        Some(policy) => conclude(policy),
        None => Err(Denial { policy: None, reason: unmatched(facts.device) }),
    }
}

fn conclude(policy: &Policy) -> Result<Permit<'_>, Denial<'_>> {
    let name = Some(policy.name.as_str());
    match policy.decision {
        Decision::NonIdentity | Decision::Bypass => Ok(Permit { policy: name }),
        Decision::Deny => Err(Denial { policy: name, reason: Reason::DeniedByPolicy }),
        Decision::Allow => Err(Denial { policy: name, reason: Reason::LoginUnavailable }),
    }
}

fn unmatched(device: &Device) -> Reason {
    match device {
        Device::Absent => Reason::CertificateMissing,
        Device::Refused(_) => Reason::CertificateInvalid,
        Device::Verified(_) => Reason::NoPolicyMatched,
    }
}

fn matches(policy: &Policy, device: &Device) -> bool {
    let holds = |rule: &Rule| holds(rule, device);
    policy.include.iter().any(holds) && policy.require.iter().all(holds) && !policy.exclude.iter().any(holds)
}

fn holds(rule: &Rule, device: &Device) -> bool {
    match rule {
        Rule::Everyone => true,
        Rule::Certificate => device.verified().is_some(),
        Rule::CommonName(expected) => device
            .verified()
            .is_some_and(|verified| verified.identity.common_name.as_deref() == Some(&**expected)),
    }
}

#[cfg(test)]
mod tests;
