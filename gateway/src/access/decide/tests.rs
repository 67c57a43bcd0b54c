//! Table tests of the decision: selectors, order and precedence.

mod oracle;
mod selectors;
mod support;
mod tables;

use support::{Case, TestFacts, devices, policy, rule};

use super::*;

/// The policy that permits, or why not.
fn outcome(policies: &[(Decision, &str)], facts: &TestFacts) -> Result<String, Reason> {
    let policies = policies.iter().map(|(decision, rules)| policy(*decision, rules)).collect();
    Case::whole_host(policies).decide(facts)
}

const VALID: &str = "include = [{ certificate = {} }]";
const EVERYONE: &str = "include = [{ everyone = {} }]";
const JAMES: &str = "include = [{ common_name = { common_name = \"James Royal\" } }]";

#[test]
fn service_auth_with_a_certificate_rule_permits_exactly_verified_devices() {
    let policies = [(Decision::NonIdentity, VALID)];
    assert_eq!(outcome(&policies, &devices().james), Ok("non_identity".into()));
    assert_eq!(outcome(&policies, &devices().absent), Err(Reason::CertificateMissing));
    assert_eq!(outcome(&policies, &devices().refused), Err(Reason::CertificateInvalid));
}

#[test]
fn all_of_require_and_none_of_exclude() {
    let both = format!("{EVERYONE}\nrequire = [{{ certificate = {{}} }}]");
    let policies = [(Decision::NonIdentity, &*both)];
    assert_eq!(outcome(&policies, &devices().absent), Err(Reason::CertificateMissing));
    assert_eq!(outcome(&policies, &devices().james), Ok("non_identity".into()));
    let without = format!("{both}\nexclude = [{{ common_name = {{ common_name = \"James Royal\" }} }}]");
    assert_eq!(outcome(&[(Decision::NonIdentity, &without)], &devices().james), Err(Reason::NoPolicyMatched));
    assert_eq!(outcome(&[(Decision::NonIdentity, &without)], &devices().rich), Ok("non_identity".into()));
}

/// The document's own example: `Allow A, Block B, ServiceAuth C, Bypass D, Allow E` runs C, D, A, B, E.
#[test]
fn service_auth_and_bypass_come_first_and_each_kind_keeps_its_order() {
    let order = [Decision::Allow, Decision::Deny, Decision::NonIdentity, Decision::Bypass, Decision::Allow];
    let case = Case::whole_host(order.iter().map(|decision| policy(*decision, JAMES)).collect());
    let asked = case.asked(&devices().absent);
    assert_eq!(asked, ["non_identity", "bypass", "allow", "deny", "allow"]);

    let deny = (Decision::Deny, EVERYONE);
    let service = (Decision::NonIdentity, VALID);
    let bypass = (Decision::Bypass, EVERYONE);
    let (james, absent) = (devices().james, devices().absent);
    assert_eq!(outcome(&[deny, service], &james), Ok("non_identity".into()));
    assert_eq!(outcome(&[deny, service], &absent), Err(Reason::DeniedByPolicy));
    assert_eq!(outcome(&[deny, bypass, service], &absent), Ok("bypass".into()));
    assert_eq!(outcome(&[bypass, service], &james), Ok("bypass".into()));
    assert_eq!(outcome(&[service, bypass], &james), Ok("non_identity".into()));
    assert_eq!(outcome(&[(Decision::Allow, EVERYONE), deny], &james), Err(Reason::LoginUnavailable));
    assert_eq!(outcome(&[deny, (Decision::Allow, EVERYONE)], &james), Err(Reason::DeniedByPolicy));
}

#[test]
fn allow_never_permits_without_a_login() {
    assert_eq!(outcome(&[(Decision::Allow, EVERYONE)], &devices().james), Err(Reason::LoginUnavailable));
    assert_eq!(outcome(&[(Decision::Allow, JAMES)], &devices().absent), Err(Reason::CertificateMissing));
}

#[test]
fn only_service_auth_makes_a_session() {
    for (decision, session) in [(Decision::NonIdentity, true), (Decision::Bypass, false)] {
        let case = Case::whole_host(vec![policy(decision, EVERYONE)]);
        let facts = devices().james;
        assert_eq!(case.with(&facts, |facts| decide(&case.table, facts).unwrap().makes_a_session()), session);
    }
}

#[test]
fn a_host_that_asks_for_certificates_and_has_no_application_denies() {
    let asks = Case::new("iot.example.com", true, &[]);
    assert_eq!(asks.decide(&devices().james), Err(Reason::NoApplication));
    let open = Case::new("iot.example.com", false, &[]);
    assert_eq!(open.decide(&devices().absent), Ok("none".into()));
}

#[test]
fn an_application_without_policies_denies() {
    assert_eq!(outcome(&[], &devices().james), Err(Reason::NoPolicyMatched));
}

#[test]
fn a_service_token_that_does_not_count_is_named_unless_the_certificate_is_worse() {
    let invalid = |facts: TestFacts| TestFacts { token: Some("wrong"), ..facts };
    assert_eq!(outcome(&[], &invalid(devices().absent)), Err(Reason::ServiceTokenInvalid));
    assert_eq!(outcome(&[], &invalid(devices().james)), Err(Reason::ServiceTokenInvalid));
    assert_eq!(outcome(&[], &invalid(devices().refused)), Err(Reason::CertificateInvalid));
}

#[test]
fn a_denial_names_the_application_and_the_policy() {
    let case = Case::whole_host(vec![policy(Decision::Deny, EVERYONE)]);
    case.with(&devices().james, |facts| {
        let denial = decide(&case.table, facts).unwrap_err();
        assert_eq!(
            (denial.policy_name(), denial.application.unwrap().name.as_str()),
            (Some("deny"), "iot.example.com")
        );
    });
}

#[test]
fn the_trace_says_what_was_asked_and_comes_to_the_same() {
    let rules = "include = [{ everyone = {} }, { certificate = {} }]\nrequire = [{ common_name = { common_name = \"x\" } }]";
    let case = Case::whole_host(vec![policy(Decision::Bypass, rules), policy(Decision::NonIdentity, JAMES)]);
    case.with(&devices().james, |facts| {
        let trace = super::super::trace(&case.table, facts);
        assert_eq!(trace.outcome, decide(&case.table, facts));
        let said = |index: usize| {
            let said = trace.policies[index].rules.iter();
            said.map(|said| format!("{} {} {}", said.section.as_str(), said.rule, said.holds))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            said(0),
            ["include everyone true", "require common_name x false"],
            "the second include does not matter"
        );
        assert_eq!(said(1), ["include common_name James Royal true"]);
        assert_eq!(trace.policies.iter().map(|asked| asked.matched).collect::<Vec<_>>(), [false, true]);
    });
    assert_eq!(rule("{ everyone = {} }").to_string(), "everyone");
}

#[test]
fn reasons_are_unique_labels() {
    let labels: std::collections::BTreeSet<_> = Reason::ALL.map(Reason::label).into();
    assert_eq!(labels.len(), Reason::ALL.len());
}
