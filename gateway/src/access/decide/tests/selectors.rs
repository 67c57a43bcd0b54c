//! Each selector: whom it is for, and whom it only looks as if it were for.

use super::support::{Case, TestFacts, devices, policy};
use crate::model::policy::Decision;

/// Whether a rule holds.
fn holds(rule: &str, facts: &TestFacts) -> bool {
    Case::whole_host(vec![policy(Decision::NonIdentity, &format!("include = [{rule}]"))])
        .decide(facts)
        .is_ok()
}

fn check(facts: &TestFacts, holding: &[&str], others: &[&str]) {
    for rule in holding {
        assert!(holds(rule, facts), "{rule}");
    }
    for rule in others {
        assert!(!holds(rule, facts), "{rule}");
    }
}

#[test]
fn rules_about_the_subject_hold_to_the_letter() {
    let holding = [
        "{ certificate = {} }",
        "{ common_name = { common_name = \"rich\" } }",
        "{ common_name = { common_name = [\"poor\", \"rich\"] } }",
        "{ cert_o = { o = \"Access Testing\" } }",
        "{ cert_ou = { ou = [\"Valves\", \"Pumps\"] } }",
        "{ cert_serial = { serial = \"0A:1B\" } }",
        "{ cert_serial = { serial = [\"00\", \"a1b\"] } }",
        "{ cert_policy_oid = { oid = \"1.3.6.1.4.1.99999.1\" } }",
        "{ cert_policy_oid = { oid = \"2.23.140.1.2.1\" } }",
        "{ cert_issuer = { name = \"Testing CA\" } }",
    ];
    let others = [
        "{ common_name = { common_name = \"Rich\" } }",
        "{ common_name = { common_name = \"ric\" } }",
        "{ common_name = { common_name = \"*\" } }",
        "{ common_name = { common_name = \"Pumps\" } }",
        "{ cert_o = { o = \"access testing\" } }",
        "{ cert_o = { o = \"Pumps\" } }",
        "{ cert_ou = { ou = \"Pump\" } }",
        "{ cert_serial = { serial = \"0A1C\" } }",
        "{ cert_policy_oid = { oid = \"1.3.6.1.4.1.99999\" } }",
        "{ cert_policy_oid = { oid = \"2.5.29.32.0\" } }",
        "{ cert_issuer = { name = \"Other CA\" } }",
    ];
    check(&devices().rich, &holding, &others);
    let colons: Vec<_> = devices()
        .fingerprint
        .as_bytes()
        .chunks(2)
        .map(|two| String::from_utf8(two.to_vec()).unwrap())
        .collect();
    check(
        &devices().rich,
        &[
            &format!("{{ cert_fingerprint = {{ sha256 = \"{}\" }} }}", devices().fingerprint),
            &format!("{{ cert_fingerprint = {{ sha256 = \"{}\" }} }}", colons.join(":").to_uppercase()),
        ],
        &[&format!("{{ cert_fingerprint = {{ sha256 = \"{}\" }} }}", "0".repeat(64))],
    );
    let id = crate::model::id::ResourceId::derived("mtls_certificate", "Testing CA");
    check(&devices().rich, &[&format!("{{ cert_issuer = {{ id = \"{id}\" }} }}")], &[]);
}

#[test]
fn alternative_names_are_compared_with_their_own_type_only() {
    let holding = [
        "{ cert_san = { dns = \"pump-7.example.com\" } }",
        "{ cert_san = { dns = [\"other.example\", \"PUMP-7.example.com\"] } }",
        "{ cert_san = { email = \"pump-7@example.COM\" } }",
        "{ cert_san = { uri = \"spiffe://example.com/pump/7\" } }",
        "{ cert_san = { ip = \"10.0.0.7\" } }",
        "{ cert_san = { ip = \"2001:db8:0::7\" } }",
        "{ cert_san = { dns = \"other.example\", ip = \"10.0.0.7\" } }",
    ];
    let others = [
        "{ cert_san = { uri = \"pump-7.example.com\" } }",
        "{ cert_san = { dns = \"spiffe://example.com/pump/7\" } }",
        "{ cert_san = { email = \"pump-7.example.com\" } }",
        "{ cert_san = { dns = \"10.0.0.7\" } }",
        "{ cert_san = { uri = \"10.0.0.7\" } }",
        "{ cert_san = { email = \"Pump-7@example.com\" } }",
        "{ cert_san = { dns = \"*.example.com\" } }",
        "{ cert_san = { uri = \"spiffe://example.com/pump\" } }",
        "{ cert_san = { uri = \"SPIFFE://example.com/pump/7\" } }",
        "{ cert_san = { ip = \"10.0.0.8\" } }",
        "{ common_name = { common_name = \"pump-7.example.com\" } }",
    ];
    check(&devices().rich, &holding, &others);
    check(&devices().james, &[], &["{ cert_san = { dns = \"James Royal\" } }"]);
}

#[test]
fn no_rule_about_a_certificate_holds_without_one_that_verified() {
    let rules = [
        "{ certificate = {} }",
        "{ common_name = { common_name = \"rich\" } }",
        "{ cert_issuer = { name = \"Testing CA\" } }",
        "{ cert_expires_within = { duration = \"8760h\" } }",
        "{ cert_san = { ip = \"10.0.0.7\" } }",
    ];
    check(&devices().absent, &[], &rules);
    check(&devices().refused, &[], &rules);
}

/// The certificates of the tests end ten days from now.
#[test]
fn a_certificate_expires_within_the_time_that_it_has_left() {
    let within = |time| format!("{{ cert_expires_within = {{ duration = \"{time}\" }} }}");
    check(&devices().james, &[&within("240h"), &within("720h")], &[&within("239h59m59s"), &within("0")]);
}

#[test]
fn two_common_names_permit_nothing_and_deny_by_either() {
    let name = |name| format!("{{ common_name = {{ common_name = \"{name}\" }} }}");
    let two = devices().two_names;
    check(
        &two,
        &["{ certificate = {} }"],
        &[&name("first"), &name("second"), "{ group = { name = \"two names\" } }"],
    );
    let outcome = |decision, rules: &str| {
        let everyone = policy(Decision::Bypass, "include = [{ ip = { ip = \"203.0.113.1\" } }]");
        Case::whole_host(vec![policy(decision, rules), everyone]).decide(&two)
    };
    let excluded = |rule: &str| format!("include = [{{ certificate = {{}} }}]\nexclude = [{rule}]");
    for rule in [name("first"), name("second"), "{ group = { name = \"two names\" } }".to_owned()] {
        assert!(outcome(Decision::NonIdentity, &excluded(&rule)).is_err(), "{rule}");
        let denied = outcome(Decision::Deny, &format!("include = [{rule}]"));
        assert_eq!(denied, Err(super::Reason::DeniedByPolicy), "{rule}");
    }
    assert!(outcome(Decision::NonIdentity, &excluded(&name("third"))).is_ok());
}

#[test]
fn addresses_and_countries_are_those_of_the_source() {
    let at =
        |source: &str, country| TestFacts { source: source.parse().unwrap(), country, ..devices().absent };
    let office = "{ ip_list = { name = \"office\" } }";
    let net = "{ ip = { ip = [\"192.0.2.0/24\", \"203.0.113.7\"] } }";
    let geo = "{ geo = { country_code = [\"CH\", \"de\"] } }";
    check(&at("192.0.2.9", Some("CH")), &[net, geo, "{ everyone = {} }"], &[office]);
    check(&at("::ffff:198.51.100.9", Some("US")), &[office], &[net, geo]);
    check(&at("2001:db8::1", None), &[office], &[net, geo]);
    check(&at("203.0.113.7", Some("DE")), &[net, geo], &[office]);
    check(&at("203.0.113.8", None), &[], &[net, office, geo]);
}

#[test]
fn service_tokens_hold_when_they_count() {
    let shown = |token| TestFacts { token, ..devices().absent };
    let any = "{ any_valid_service_token = {} }";
    let (by_name, by_client) =
        ("{ service_token = { name = \"ci\" } }", "{ service_token = { name = \"ci.access\" } }");
    let by_id = format!(
        "{{ service_token = {{ token_id = \"{}\" }} }}",
        crate::model::id::ResourceId::derived("service_token", "ci")
    );
    check(
        &shown(Some("ci")),
        &[any, by_name, by_client, &by_id],
        &["{ service_token = { name = \"other\" } }"],
    );
    check(&shown(Some("other")), &[any], &[by_name, by_client, &by_id]);
    check(&shown(Some("unknown")), &[], &[any, by_name]);
    check(&shown(None), &[], &[any, by_name]);
}

#[test]
fn a_group_holds_when_its_own_rules_do_also_within_another() {
    let (verified, either) = ("{ group = { name = \"verified\" } }", "{ group = { name = \"either\" } }");
    check(&devices().james, &[verified, either], &[]);
    check(&devices().rich, &[], &[verified, either]);
    let elsewhere = TestFacts { source: [203, 0, 113, 1].into(), ..devices().rich };
    check(&elsewhere, &[either], &[verified]);
}

#[test]
fn what_only_a_login_could_tell_never_holds() {
    for rule in [
        "{ email = { email = \"james@example.com\" } }",
        "{ email_domain = { domain = \"example.com\" } }",
        "{ github-organization = { name = \"x\", identity_provider_id = \"y\" } }",
        "{ azureAD = { id = \"x\", identity_provider_id = \"y\" } }",
        "{ device_posture = { integration_uid = \"x\" } }",
        "{ external_evaluation = { evaluate_url = \"https://a.example\", keys_url = \"https://a.example\" } }",
    ] {
        check(&devices().rich, &[], &[rule]);
    }
}
