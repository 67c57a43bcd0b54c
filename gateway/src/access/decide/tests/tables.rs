//! Which application a request is for.

use super::support::{Case, TestFacts, application, devices, policy};
use super::{Decision, Reason};

const EVERYONE: &str = "include = [{ everyone = {} }]";

fn site(host: &str, destinations: &[&[&str]]) -> Case {
    let applications =
        destinations.iter().map(|of| application(of, vec![policy(Decision::Bypass, EVERYONE)]));
    Case::new(host, true, &applications.collect::<Vec<_>>())
}

/// The application that a request is for, or why there is none.
fn application_of(case: &Case, name: &'static str, path: &'static str) -> Result<String, Reason> {
    let facts = TestFacts { name, path, ..devices().absent };
    case.with(&facts, |facts| match super::decide(&case.table, facts) {
        Ok(permit) => Ok(permit.application.unwrap().name.clone()),
        Err(denial) => Err(denial.reason),
    })
}

#[test]
fn the_more_specific_path_wins_and_a_path_under_none_is_denied() {
    let host = "iot.example.com";
    let case = site(
        host,
        &[
            &["iot.example.com/eng"],
            &["iot.example.com/eng/exec"],
            &["iot.example.com/x", "iot.example.com/y/*"],
        ],
    );
    let cases = [
        ("/eng", Ok("iot.example.com/eng")),
        ("/eng/", Ok("iot.example.com/eng")),
        ("/%65ng", Ok("iot.example.com/eng")),
        ("/eng/exec/a", Ok("iot.example.com/eng/exec")),
        ("/eng/exe", Ok("iot.example.com/eng")),
        ("/y/z", Ok("iot.example.com/x")),
        ("/y", Err(Reason::NoApplication)),
        ("/", Err(Reason::NoApplication)),
        ("/engine", Err(Reason::NoApplication)),
    ];
    for (path, expected) in cases {
        assert_eq!(application_of(&case, "iot.example.com", path), expected.map(str::to_owned), "{path}");
    }
}

#[test]
fn where_the_path_decides_a_path_that_could_be_another_is_refused() {
    let case = site(
        "iot.example.com",
        &[&["iot.example.com"], &["iot.example.com/admin"], &["iot.example.com/Public"]],
    );
    for path in [
        "/x/../admin",
        "/x/%2e%2e/admin",
        "//admin",
        "/x%2fadmin",
        "/x\\admin",
        "/ADMIN",
        "/admin;a=b",
        "/admin.",
        "/admin%20",
        "/public",
        "/PUBLIC",
        "*",
    ] {
        assert_eq!(application_of(&case, "iot.example.com", path), Err(Reason::AmbiguousPath), "{path}");
    }
    for (path, expected) in [
        ("/Public/X", "iot.example.com/Public"),
        ("/admin/Users;x", "iot.example.com/admin"),
        ("/Other;y", "iot.example.com"),
    ] {
        assert_eq!(application_of(&case, "iot.example.com", path), Ok(expected.to_owned()), "{path}");
    }
}

/// Brokers and repositories have slashes in names, and one application for all of it.
#[test]
fn where_the_path_does_not_decide_it_does_not_matter() {
    let case = site("iot.example.com", &[&["iot.example.com"]]);
    for path in ["/api/queues/%2F/q", "//a", "/a/../b", "/%252e", "*", ""] {
        assert_eq!(
            application_of(&case, "iot.example.com", path),
            Ok("iot.example.com".to_owned()),
            "{path}"
        );
    }
}

#[test]
fn a_wildcard_hosts_names_have_applications_of_their_own() {
    let case = site(
        "*.example.com",
        &[
            &["*.example.com"],
            &["dev-*.example.com"],
            &["iot.example.com/x"],
            &["other.example.org"],
            &["a.b.example.com"],
        ],
    );
    assert_eq!(case.table.applications().len(), 3);
    let cases = [
        ("iot.example.com", "/x", "iot.example.com/x"),
        ("iot.example.com", "/y", "*.example.com"),
        ("dev-1.example.com", "/x", "dev-*.example.com"),
        ("prod.example.com", "/x", "*.example.com"),
    ];
    for (name, path, expected) in cases {
        assert_eq!(application_of(&case, name, path), Ok(expected.to_owned()), "{name}{path}");
    }
}

/// Otherwise a lenient application for all hosts would take a part out of a strict one for this host.
#[test]
fn the_more_specific_name_counts_before_the_more_specific_path() {
    let case =
        site("iot.example.com", &[&["*.example.com/a/b/c"], &["iot.example.com/a"], &["*.example.com"]]);
    assert_eq!(application_of(&case, "iot.example.com", "/a/b/c"), Ok("iot.example.com/a".to_owned()));
    assert_eq!(application_of(&case, "iot.example.com", "/b"), Ok("*.example.com".to_owned()));
}

#[test]
fn preflight_requests_pass_where_the_application_says_so_and_only_those() {
    let with = |bypass| {
        let mut guarded = application(
            &["iot.example.com"],
            vec![policy(Decision::NonIdentity, "include = [{ certificate = {} }]")],
        );
        std::sync::Arc::get_mut(&mut guarded).unwrap().application.settings.options_preflight_bypass = bypass;
        Case::new("iot.example.com", true, &[guarded])
    };
    let answering = {
        let mut guarded = application(&["iot.example.com"], vec![]);
        let settings = &mut std::sync::Arc::get_mut(&mut guarded).unwrap().application.settings;
        settings.cors_headers = Some(crate::model::cors::CorsHeaders::default());
        Case::new("iot.example.com", true, &[guarded])
    };
    let facts = |preflight| TestFacts { preflight, ..devices().absent };
    assert_eq!(with(true).decide(&facts(true)), Ok("none".to_owned()));
    assert_eq!(with(true).decide(&facts(false)), Err(Reason::CertificateMissing));
    assert_eq!(with(false).decide(&facts(true)), Err(Reason::CertificateMissing));
    let answers = |case: &Case, facts: &TestFacts| {
        case.with(facts, |facts| {
            super::decide(&case.table, facts).map(|permit| permit.preflight_answer().is_some())
        })
        .map_err(|denial| denial.reason)
    };
    assert_eq!(answers(&answering, &facts(true)), Ok(true));
    assert_eq!(answers(&answering, &facts(false)), Err(Reason::CertificateMissing));
    assert_eq!(answers(&with(true), &facts(true)), Ok(false));
}
