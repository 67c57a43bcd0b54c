//! Table tests of the decision.

use std::sync::Arc;

use super::*;
use crate::device::Refused;
use crate::device::refusal::Refusal;
use crate::device::tests::verified;
use crate::model::hostname::HostPattern;

fn policy(decision: Decision, include: Vec<Rule>) -> Policy {
    Policy { name: decision.as_str().into(), decision, include, require: vec![], exclude: vec![] }
}

fn application(policies: Vec<Policy>) -> Application {
    Application { domain: "iot.example.com".parse::<HostPattern>().unwrap(), policies }
}

fn james() -> Device {
    Device::Verified(Arc::new(verified("James Royal")))
}

fn refused() -> Device {
    Device::Refused(Arc::new(Refused {
        reason: Refusal::UnknownIssuer,
        identity: None,
        chain: Box::default(),
    }))
}

fn outcome(policies: Vec<Policy>, device: &Device) -> Result<&'static str, Reason> {
    let application = application(policies);
    let facts = Facts { application: Some(&application), asks_for_certificates: true, device };
    match decide(&facts) {
        Ok(permit) => Ok(permit.policy.map_or("none", |name| match name {
            "non_identity" => "non_identity",
            "bypass" => "bypass",
            _ => "other",
        })),
        Err(denial) => Err(denial.reason),
    }
}

#[test]
fn service_auth_with_a_certificate_rule_permits_exactly_verified_devices() {
    let policies = || vec![policy(Decision::NonIdentity, vec![Rule::Certificate])];
    assert_eq!(outcome(policies(), &james()), Ok("non_identity"));
    assert_eq!(outcome(policies(), &Device::Absent), Err(Reason::CertificateMissing));
    assert_eq!(outcome(policies(), &refused()), Err(Reason::CertificateInvalid));
}

#[test]
fn a_common_name_is_matched_exactly_and_only_when_verified() {
    let policies = |name: &str| vec![policy(Decision::NonIdentity, vec![Rule::CommonName(name.into())])];
    assert_eq!(outcome(policies("James Royal"), &james()), Ok("non_identity"));
    assert_eq!(outcome(policies("james royal"), &james()), Err(Reason::NoPolicyMatched));
    assert_eq!(outcome(policies("James"), &james()), Err(Reason::NoPolicyMatched));
    assert_eq!(outcome(policies("James Royal"), &refused()), Err(Reason::CertificateInvalid));
}

#[test]
fn all_of_require_and_none_of_exclude() {
    let mut both = policy(Decision::NonIdentity, vec![Rule::Everyone]);
    both.require = vec![Rule::Certificate];
    assert_eq!(outcome(vec![both.clone()], &Device::Absent), Err(Reason::CertificateMissing));
    assert_eq!(outcome(vec![both.clone()], &james()), Ok("non_identity"));
    both.exclude = vec![Rule::CommonName("James Royal".into())];
    assert_eq!(outcome(vec![both], &james()), Err(Reason::NoPolicyMatched));
}

#[test]
fn service_auth_and_bypass_come_before_allow_and_deny() {
    let deny = || policy(Decision::Deny, vec![Rule::Everyone]);
    let service = || policy(Decision::NonIdentity, vec![Rule::Certificate]);
    assert_eq!(outcome(vec![deny(), service()], &james()), Ok("non_identity"));
    assert_eq!(outcome(vec![deny(), service()], &Device::Absent), Err(Reason::DeniedByPolicy));
    let bypass = policy(Decision::Bypass, vec![Rule::Everyone]);
    assert_eq!(outcome(vec![deny(), bypass, service()], &Device::Absent), Ok("bypass"));
}

#[test]
fn allow_never_permits_without_a_login() {
    let policies = vec![policy(Decision::Allow, vec![Rule::Everyone])];
    assert_eq!(outcome(policies, &james()), Err(Reason::LoginUnavailable));
}

#[test]
fn a_host_that_asks_for_certificates_and_has_no_application_denies() {
    let device = james();
    let facts = Facts { application: None, asks_for_certificates: true, device: &device };
    assert_eq!(decide(&facts), Err(Denial { policy: None, reason: Reason::NoApplication }));
    assert_eq!(decide(&Facts { asks_for_certificates: false, ..facts }), Ok(Permit { policy: None }));
}

#[test]
fn an_application_without_policies_denies() {
    assert_eq!(outcome(vec![], &james()), Err(Reason::NoPolicyMatched));
}

#[test]
fn reasons_are_unique_labels() {
    let labels: std::collections::BTreeSet<_> = Reason::ALL.map(Reason::label).into();
    assert_eq!(labels.len(), Reason::ALL.len());
}
