//! Applications and what they refer to: what compiles, and what is said of what does not.

use super::*;
use crate::access::Reason;
use crate::access::{Facts, Presented, decide};
use crate::device::Device;
use crate::model::application::SameSite;

/// The usual host, its CA, and these lines.
fn with(lines: &str) -> Site {
    Site::new().host("iot.example.com").ca("ca.pem", &["iot.example.com"]).add(lines)
}

/// The usual site with an application that includes a rule. The rule is in line 18.
fn with_rule(rule: &str) -> Site {
    with(&format!(
        "[[application]]\ndomain = \"iot.example.com\"\n[[application.policy]]\nname = \"p\"\ndecision = \"non_identity\"\ninclude = [{rule}]\n"
    ))
}

const DEVICES: &str = "decision = \"non_identity\"\ninclude = [{ certificate = {} }]\n";
const APPLICATION: &str = "[[application]]\ndomain = \"iot.example.com\"\n";

/// Whether a verified device passes, and by which policy, or why not.
fn decision(site: &Site, path: &str) -> Result<String, Reason> {
    let compiled = site.compile().unwrap();
    let host = served(&compiled, "iot.example.com").unwrap();
    let leaf = site.ca.device("device-1");
    let verified = host.trust.verify(&leaf.der, leaf.fingerprint(), &[], UnixTime::now()).unwrap();
    let facts = Facts {
        name: &name("iot.example.com"),
        path,
        preflight: false,
        device: &Device::Verified(Arc::new(verified)),
        source: [192, 0, 2, 1].into(),
        country: host.access.shared().geo.as_ref().and_then(|geo| geo.country([192, 0, 2, 1].into())),
        service_token: Presented::Nothing,
        now: now(),
    };
    match decide(&host.access, &facts) {
        Ok(permit) => Ok(permit.policy_name().unwrap_or("none").to_owned()),
        Err(denial) => Err(denial.reason),
    }
}

#[test]
fn a_rule_that_names_nothing_is_refused_where_it_stands() {
    let cases = [
        ("{ group = { name = \"absent\" } }", "18:12: error: there is no group `absent`; write its name"),
        (
            "{ everyone = {} }, { ip_list = { name = \"absent\" } }",
            "18:31: error: there is no IP list `absent`; write",
        ),
        (
            "{ service_token = { name = \"absent\" } }",
            "18:12: error: there is no service token `absent`; write",
        ),
        (
            "{ cert_issuer = { name = \"absent\" } }",
            "18:12: error: there is no mTLS certificate `absent`; write",
        ),
        (
            "{ group = { id = \"f174e90afafe4643bbbc4a0ed4fc8415\" } }",
            "18:12: error: there is no group `f174e90a-fafe-4643-bbbc-4a0ed4fc8415`; write",
        ),
        (
            "{ geo = { country_code = \"CH\" } }",
            "18:12: error: a `geo` rule needs a database; name one with geo_database",
        ),
    ];
    for (rule, expected) in cases {
        let site = with_rule(rule);
        assert!(site.compile().is_err(), "{rule}");
        site.says(expected);
    }
    with(&format!("{APPLICATION}policies = [\"absent\"]\n"))
        .says("15:14: error: there is no policy `absent`; write the name or id");
}

#[test]
fn groups_that_refer_to_themselves_are_refused_with_the_way_round() {
    let group = |name: &str, other: &str| {
        format!("[[group]]\nname = \"{name}\"\ninclude = [{{ group = {{ name = \"{other}\" }} }}]\n")
    };
    let lines = format!("{}{}{}{APPLICATION}", group("outer", "a"), group("a", "b"), group("b", "a"));
    with(&lines).says("17:9: error: group `a` refers to itself: `a` → `b` → `a`; take one");
}

#[test]
fn groups_that_multiply_are_refused_before_they_are_asked() {
    let twice = |index: usize| {
        let below = format!("{{ group = {{ name = \"g{}\" }} }}", index - 1);
        format!("[[group]]\nname = \"g{index}\"\ninclude = [{below}, {below}]\n")
    };
    let lines: String = (1..=15).map(twice).collect();
    let site =
        with(&format!("[[group]]\nname = \"g0\"\ninclude = [{{ everyone = {{}} }}]\n{lines}{APPLICATION}"));
    let said = site.said();
    assert!(
        said[0].contains("error: it comes to more than 10000 rules with those of its groups"),
        "{said:?}"
    );
    let once = |index: usize| {
        format!("[[group]]\nname = \"g{index}\"\ninclude = [{{ group = {{ name = \"g{}\" }} }}]\n", index - 1)
    };
    let lines: String = (1..=20).map(once).collect();
    let site =
        with(&format!("[[group]]\nname = \"g0\"\ninclude = [{{ everyone = {{}} }}]\n{lines}{APPLICATION}"));
    assert!(site.said()[0].contains("error: more than 16 groups are within each other"), "{:?}", site.said());
}

#[test]
fn names_that_occur_twice_are_refused() {
    let token = |name: &str, client: &str| {
        format!(
            "[[service_token]]\nname = \"{name}\"\nclient_id = \"{client}\"\nclient_secret_sha256 = \"{}\"\n",
            "0".repeat(64)
        )
    };
    let group = "[[group]]\nname = \"g\"\ninclude = [{ everyone = {} }]\n";
    let policy = format!("[[policy]]\nname = \"p\"\n{DEVICES}");
    let own = format!(
        "{APPLICATION}[[application.policy]]\nname = \"p\"\n{DEVICES}[[application.policy]]\nname = \"p\"\n{DEVICES}"
    );
    let cases = [
        (format!("{APPLICATION}{group}{group}"), "19:9: error: group `g` is already defined in line 16"),
        (format!("{APPLICATION}{policy}{policy}"), "20:9: error: policy `p` is already defined in line 16"),
        (
            format!("{APPLICATION}{0}{0}", "[[ip_list]]\nname = \"l\"\nips = []\n"),
            "19:9: error: IP list `l` is already defined in line 16",
        ),
        (
            format!("{APPLICATION}{}{}", token("a", "x"), token("a", "y")),
            "20:9: error: service token `a` is already",
        ),
        (
            format!("{APPLICATION}{}{}", token("a", "x"), token("b", "x")),
            "21:14: error: client id `x` is already",
        ),
        (own, "20:9: error: policy `p` is already defined in line 16"),
        (
            format!(
                "{APPLICATION}[[application]]\ndomain = \"*.example.com\"\ndestinations = [{{ uri = \"IOT.example.com/\" }}]\n"
            ),
            "17:26: error: application `iot.example.com` is already defined in line 14",
        ),
        (
            "[[application]]\ndomain = \"iot.example.com/Admin\"\n[[application]]\ndomain = \"iot.example.com/admin\"\n".to_owned(),
            "16:11: error: application `iot.example.com/admin` is already defined in line 14; put all policies of a host and path into one [[application]]; case",
        ),
    ];
    for (lines, expected) in cases {
        let site = with(&lines);
        assert!(site.compile().is_err(), "{lines}");
        site.says(expected);
    }
}

#[test]
fn what_does_not_do_what_it_seems_to_is_a_warning() {
    let people = "{ certificate = {} }, { email = { email = \"a@example.com\" } }";
    with_rule(people).says("18:34: warning: `email` needs a login, which is not here; it never holds; rely");
    let group = "[[group]]\nname = \"g\"\ninclude = [{ device_posture = { integration_uid = \"x\" } }]\n";
    with(&format!("{APPLICATION}{group}"))
        .says("17:12: warning: `device_posture` needs a device posture service, which");
    let bypass =
        "[[application.policy]]\nname = \"open\"\ndecision = \"bypass\"\ninclude = [{ everyone = {} }]\n";
    with(&format!("{APPLICATION}{bypass}"))
        .says("15:1: warning: policy `open`: `bypass` asks for nothing, and makes no token; use");
    Site::new()
        .host_with("iot.example.com", "client_auth = \"none\"")
        .add(&format!("{APPLICATION}[[application.policy]]\nname = \"p\"\n{DEVICES}"))
        .says("14:12: warning: `certificate` never holds on host `iot.example.com`, which asks nobody for a certificate");
}

#[test]
fn reusable_policies_are_looked_at_in_the_order_in_which_an_application_names_them() {
    let policies = format!(
        "[[policy]]\nname = \"open\"\ndecision = \"bypass\"\ninclude = [{{ everyone = {{}} }}]\n[[policy]]\nname = \"devices\"\n{DEVICES}"
    );
    let site = |names: &str| with(&format!("{policies}{APPLICATION}policies = [{names}]\n"));
    assert_eq!(decision(&site("\"devices\", \"open\""), "/"), Ok("devices".into()));
    assert_eq!(decision(&site("\"open\", \"devices\""), "/"), Ok("open".into()));
    let id = ResourceId::derived("policy", "devices");
    assert_eq!(decision(&site(&format!("\"{id}\"")), "/"), Ok("devices".into()));
    let both = with(&format!(
        "{policies}{APPLICATION}policies = [\"open\"]\n[[application.policy]]\nname = \"p\"\n{DEVICES}"
    ));
    let problem = Config::parse(&Arc::new(Source::new(Path::new("f"), both.text))).unwrap_err();
    assert!(problem.to_string().contains("either `policies` or tables `policy`"), "{problem}");
}

#[test]
fn lists_groups_and_countries_decide() {
    let lists = "[access]\ngeo_database = \"countries.mmdb\"\n[[ip_list]]\nname = \"office\"\nips = [\"192.0.2.0/24\"]\n\
        [[group]]\nname = \"near\"\ninclude = [{ ip_list = { name = \"office\" } }]\nrequire = [{ geo = { country_code = \"ch\" } }]\n\
        exclude = [{ group = { name = \"far\" } }]\n[[group]]\nname = \"far\"\ninclude = [{ geo = { country_code = \"US\" } }]\n";
    let site = |rule: &str| {
        let site = with_rule(rule).add(lists);
        std::fs::write(
            site.folder.path().join("countries.mmdb"),
            include_bytes!("../../../access/geo/tests/countries.mmdb"),
        )
        .unwrap();
        site
    };
    assert_eq!(decision(&site("{ group = { name = \"near\" } }"), "/"), Ok("p".into()));
    assert_eq!(decision(&site("{ group = { name = \"far\" } }"), "/"), Err(Reason::NoPolicyMatched));
    assert_eq!(decision(&site("{ cert_issuer = { name = \"ca.pem\" } }"), "/"), Ok("p".into()));
    let damaged = site("{ everyone = {} }");
    damaged.file("countries.mmdb", "nothing of the kind");
    damaged.says("20:17: error: cannot use countries.mmdb: ");
}

#[test]
fn an_application_has_its_id_tag_and_settings_from_the_file_or_from_its_domain() {
    let tag = "0f".repeat(32);
    let site = with(&format!(
        "[[application]]\ndomain = \"iot.example.com/a\"\n[[application]]\nname = \"B\"\naud = \"{tag}\"\nid = \"f174e90a-fafe-4643-bbbc-4a0ed4fc8415\"\n\
         domain = \"iot.example.com/b\"\nsession_duration = \"2h45m\"\nsame_site_cookie_attribute = \"lax\"\n\
         custom_deny_url = \"https://help.example.com/\"\n[application.cors_headers]\nallowed_origins = [\"https://App.example.com\"]\nmax_age = 60\n"
    ));
    let compiled = site.compile().unwrap();
    let applications = served(&compiled, "iot.example.com").unwrap().access.applications();
    let (first, second) = (&applications[0].application, &applications[1].application);
    assert_eq!(
        (first.name.as_str(), first.settings.session_duration.to_string()),
        ("iot.example.com/a", "24h".to_owned())
    );
    assert!(first.settings.http_only_cookie_attribute && first.settings.cors_headers.is_none());
    assert_eq!(first.aud, crate::model::id::Audience::derived("iot.example.com/a"));
    assert_eq!((second.name.as_str(), second.aud.to_string()), ("B", tag));
    assert_eq!(second.id.to_string(), "f174e90a-fafe-4643-bbbc-4a0ed4fc8415");
    let settings = &second.settings;
    assert_eq!(settings.session_duration.get().as_secs(), 9900);
    assert_eq!(settings.same_site_cookie_attribute.map(SameSite::as_str), Some("lax"));
    assert_eq!(settings.custom_deny_url.as_ref().unwrap().to_string(), "https://help.example.com/");
    let cors = settings.cors_headers.as_ref().unwrap();
    assert!(cors.origins.contains(&"https://app.example.com".parse().unwrap()));
}
