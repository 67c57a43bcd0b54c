//! The file's resources beside stored ones.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::config::{Config, Listed, Problem, Problems, Source};
use crate::model::forwarding::Transform;
use crate::model::id::ResourceId;
use crate::model::kind::Kind;
use crate::store::{Batch, Revision, Write, WriteError};

const FILE: &str = r#"
[[listener]]
address = "[::]:443"
[[host]]
name = "iot.example.com"
certificate = "server.pem"
key = "server-key.pem"
origin = "http://127.0.0.1:1"
forwarding = { cloudflare = false }
[[mtls_certificate]]
name = "Devices"
certificate = "ca.pem"
associated_hostnames = ["iot.example.com", "gone.example.com"]
[[policy]]
name = "shared"
decision = "non_identity"
include = [{ certificate = {} }]
[[application]]
domain = "iot.example.com"
policies = ["shared"]
[[application]]
domain = "iot.example.com/own"
[[application.policy]]
name = "own"
decision = "deny"
include = [{ everyone = {} }]
"#;

struct Parsed {
    config: Config,
    source: Source,
    file: Arc<FileResources>,
}

fn file() -> Parsed {
    let source = Source::new(Path::new("fleetgate.toml"), FILE.to_owned());
    let config = Config::parse(&Arc::new(source.clone())).unwrap();
    let file = Arc::new(FileResources::of(&config, &source));
    Parsed { config, source, file }
}

fn id(number: u32) -> String {
    format!("{number:08x}-0000-4000-8000-000000000000")
}

fn put(kind: Kind, id: &str, document: Value) -> Write {
    Write::put(kind, id.parse().unwrap(), document)
}

fn batch(writes: Vec<Write>) -> Batch {
    Batch { at: 1, who: "test".to_owned(), writes }
}

/// What is stored, and what is wrong with it as lines.
fn stored(parsed: &Parsed, writes: Vec<Write>) -> (Arc<Stored>, Vec<String>) {
    let (stored, problems) = Stored::default().after(&batch(writes)).unwrap();
    let stored = Arc::new(stored);
    let lines = lines(parsed, &stored, problems);
    (stored, lines)
}

fn lines(parsed: &Parsed, stored: &Arc<Stored>, problems: Vec<Problem>) -> Vec<String> {
    Problems::new(&Arc::new(parsed.source.with(Arc::clone(stored) as _)), problems).lines()
}

fn policy(name: &str) -> Value {
    json!({ "name": name, "decision": "non_identity", "include": [{ "certificate": {} }] })
}

fn own(application: u32, precedence: Value, name: &str) -> Value {
    let mut document = policy(name);
    document["app_id"] = json!(id(application));
    document["precedence"] = precedence;
    document
}

#[test]
fn policies_of_an_application_are_in_the_order_of_precedence_shared_or_own() {
    let parsed = file();
    let links = json!([{ "id": id(10), "precedence": 2, "name": "as the API repeats it" }, id(11)]);
    let (stored, wrong) = stored(
        &parsed,
        vec![
            put(Kind::Policy, &id(10), policy("ten")),
            put(Kind::Policy, &id(11), policy("eleven")),
            put(Kind::Application, &id(1), json!({ "domain": "iot.example.com/stored", "policies": links })),
            put(Kind::ApplicationPolicy, &id(20), own(1, json!(3), "third")),
            put(Kind::ApplicationPolicy, &id(21), own(1, json!(1), "first")),
            put(Kind::ApplicationPolicy, &id(22), own(1, Value::Null, "last")),
        ],
    );
    assert_eq!(wrong, [""; 0]);
    let (all, problems) = merge(&parsed.config.resources, &parsed.file, &stored);
    assert!(problems.is_empty());
    let domains: Vec<_> = all.applications.iter().map(|application| application.domain()).collect();
    assert_eq!(domains, ["iot.example.com", "iot.example.com/own", "iot.example.com/stored"]);
    let name = |listed: &Listed| match listed {
        Listed::Own(policy) => policy.value.name.value.clone(),
        Listed::Reused(reference) => reference.value.to_string(),
    };
    let names: Vec<_> = all.applications[2].policies.iter().map(name).collect();
    assert_eq!(names, ["first".to_owned(), id(10), "third".to_owned(), id(11), "last".to_owned()]);
}

#[test]
fn what_is_wrong_with_a_document_is_said_by_its_place_in_it() {
    let parsed = file();
    let mut bad = policy("bad");
    bad["require"] = json!([{ "everyone": {} }, { "ip": { "ip": ["10.0.0.0/8", "nowhere"] } }]);
    let (_, wrong) = stored(
        &parsed,
        vec![
            put(Kind::Policy, &id(1), bad),
            put(Kind::IpList, "office", json!({ "name": "office", "ips": [] })),
            put(Kind::Keys, "self", json!({ "key_rotation_interval_days": 6 })),
            put(Kind::Group, &id(2), json!("a text")),
            put(
                Kind::Certificate,
                &id(3),
                json!({
                    "name": "c", "certificate": "-----BEGIN CERTIFICATE-----", "crl": ["/etc/shadow"],
                }),
            ),
        ],
    );
    let expected = [
        format!("stored policy {} /require/1/ip/ip/1: error: `nowhere`: not a network", id(1)),
        "stored ip_list office: error: its id, `office`: not an id".to_owned(),
        "stored keys self /key_rotation_interval_days: error: `key_rotation_interval_days` is from 7"
            .to_owned(),
        format!("stored group {}: error: a resource is a JSON object", id(2)),
        format!("stored mtls_certificate {} /crl/0: error: a stored CRL is at", id(3)),
    ];
    assert_eq!(wrong.len(), expected.len(), "{wrong:#?}");
    for expected in expected {
        assert!(wrong.iter().any(|line| line.starts_with(&expected)), "{expected} in {wrong:#?}");
    }
}

#[test]
fn what_has_no_meaning_here_is_kept_and_null_is_nothing() {
    let parsed = file();
    let mut document = policy("p");
    document["approval_groups"] = json!([{ "x": 1 }]);
    document["require"] = Value::Null;
    document["session_duration"] = Value::Null;
    let (stored, wrong) = stored(&parsed, vec![put(Kind::Policy, &id(1), document.clone())]);
    assert_eq!(wrong, [""; 0]);
    assert_eq!(*stored.record(Kind::Policy, &id(1)).unwrap().document, document);
}

#[test]
fn the_file_goes_before_what_is_stored_under_the_same_id() {
    let parsed = file();
    let same = ResourceId::derived("policy", "shared").to_string();
    let (stored, _) = stored(
        &parsed,
        vec![
            put(Kind::Policy, &same, policy("another")),
            put(
                Kind::CertificateSettings,
                "iot.example.com",
                json!({ "client_certificate_forwarding": true }),
            ),
            put(Kind::ApplicationPolicy, &id(20), own(9, json!(1), "alone")),
        ],
    );
    let (_, problems) = merge(&parsed.config.resources, &parsed.file, &stored);
    let taken: Vec<_> = problems.iter().map(Problem::is_taken).collect();
    let lines = lines(&parsed, &stored, problems);
    assert!(lines[0].contains("fleetgate.toml:14 declares it too"), "{lines:#?}");
    assert!(lines[1].contains("policy `alone` is of an application that is not stored"), "{lines:#?}");
    assert_eq!(taken, [true, false]);
    let inventory = Inventory::new(Arc::clone(&parsed.file), stored, [].into());
    let place = |kind, id: &str| match inventory.get(kind, id).unwrap().origin {
        Origin::File { place } => Some(place.to_owned()),
        Origin::Stored { .. } => None,
    };
    assert_eq!(place(Kind::Policy, &same).as_deref(), Some("fleetgate.toml:14"));
    // The host's own table says it; what is stored waits until it says nothing.
    let settings: Vec<_> = inventory.list(Kind::CertificateSettings).collect();
    assert_eq!(settings.len(), 1);
    assert_eq!(settings[0].document["client_certificate_forwarding"], false);
    assert!(place(Kind::CertificateSettings, "iot.example.com").is_some());
}

#[test]
fn the_files_resources_are_documents_like_the_stored_ones() {
    let parsed = file();
    let inventory = Inventory::new(Arc::clone(&parsed.file), Arc::default(), [].into());
    let documents = |kind| inventory.list(kind).map(|it| Value::clone(it.document)).collect::<Vec<_>>();
    let shared = ResourceId::derived("policy", "shared").to_string();
    let [first, second] = &documents(Kind::Application)[..] else { panic!() };
    let expected = json!({
        "domain": "iot.example.com", "name": "iot.example.com", "policies": [{ "id": shared, "precedence": 1 }],
    });
    assert_eq!((first, &second["policies"]), (&expected, &json!([])));
    let own = documents(Kind::ApplicationPolicy);
    let application = ResourceId::derived("application", "iot.example.com/own").to_string();
    assert_eq!(
        own,
        [json!({
            "app_id": application, "precedence": 1, "name": "own", "decision": "deny", "include": [{ "everyone": {} }],
        })]
    );
    let certificate = inventory.list(Kind::Certificate).next().unwrap();
    assert_eq!(certificate.document.get("certificate"), None);
    assert_eq!(inventory.unused(&certificate), ["gone.example.com"]);
}

#[test]
fn a_batch_is_as_strict_in_memory_as_on_the_disk() {
    let parsed = file();
    let (stored, _) = stored(
        &parsed,
        vec![put(Kind::Group, &id(1), json!({ "name": "g", "include": [{ "everyone": {} }] }))],
    );
    assert_eq!(stored.revision(), Revision(1));
    let again = Write::create(Kind::Group, id(1).parse().unwrap(), json!({}));
    let error = stored.after(&batch(vec![again])).unwrap_err();
    assert!(matches!(error, WriteError::Conflict { found: Some(Revision(1)), .. }), "{error}");
    let (after, _) = stored.after(&batch(vec![Write::delete(Kind::Group, id(1).parse().unwrap())])).unwrap();
    assert_eq!((after.records(Kind::Group).count(), after.revision()), (0, Revision(2)));
    assert_eq!(stored.records(Kind::Group).count(), 1, "the one before is as it was");
}

#[test]
fn single_resources_say_what_holds_for_all() {
    let parsed = file();
    let (stored, wrong) = stored(
        &parsed,
        vec![
            put(Kind::Organization, "self", json!({ "auth_domain": "team.example.com", "name": "Team" })),
            put(Kind::Keys, "self", json!({ "key_rotation_interval_days": 30 })),
            put(
                Kind::ManagedTransform,
                "add_client_certificate_headers",
                json!({ "request": true, "response": true }),
            ),
            put(Kind::ManagedTransform, "another", json!({ "request": false })),
            put(Kind::CertificateSettings, "*.example.com", json!({ "client_certificate_forwarding": true })),
        ],
    );
    assert_eq!(wrong, [""; 0]);
    let (all, _) = merge(&parsed.config.resources, &parsed.file, &stored);
    assert_eq!(all.team_domain.unwrap().as_str(), "https://team.example.com");
    assert_eq!(all.key_rotation.unwrap().as_secs(), 30 * 24 * 3600);
    assert_eq!(all.managed_transform, Some(Transform::Both));
    assert!(all.client_certificate_forwarding[&"*.example.com".parse().unwrap()].value);
}
