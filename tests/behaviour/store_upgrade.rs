//! The store goes from one gateway to the next with the sockets, and comes back where there is no next one.

use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::load::Load;
use fleetgate_tests::site::{HOST, Site};
use serde_json::{Value, json};

fn list(name: &str) -> Value {
    let id = fleetgate::model::id::ResourceId::derived("test", name).to_string();
    json!([{ "kind": "ip_list", "id": id, "document": { "name": name, "ips": ["192.0.2.0/24"] } }])
}

fn names(gateway: &Gateway) -> Vec<String> {
    let mut names: Vec<_> = gateway
        .kept("ip_list")
        .into_iter()
        .map(|(_, document)| document["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_successor_has_what_was_stored_and_stores_more_while_no_request_fails() {
    let site = Site::new();
    let mut gateway = Gateway::start(site.setup().table("server", "state_dir = \".\""));
    let load = Load::start(&site.client(), gateway.address(), HOST);
    gateway.must_change(&list("a"));
    let identity = gateway.status()["account_id"].clone();
    let new = gateway.upgrade();
    assert_eq!(gateway.status()["process"], new.id());
    assert_eq!((names(&gateway), &gateway.status()["account_id"]), (vec!["a".to_owned()], &identity));
    gateway.must_change(&list("b"));
    load.go_on(20);
    assert_eq!(gateway.wait().code(), Some(0));
    gateway.must_change(&list("c"));
    assert_eq!(names(&gateway), ["a", "b", "c"]);
    load.stop().must_be_flawless();
}

#[test]
fn a_gateway_whose_successor_fails_goes_on_storing() {
    let site = Site::new();
    let setup = site.setup().table("server", "state_dir = \".\"");
    let gateway = Gateway::start(setup.clone());
    gateway.must_change(&list("a"));
    gateway.write_config("[[nonsense]]");
    assert_eq!(gateway.cli("upgrade", &[]).code, 1);
    gateway.configure(&setup);
    gateway.must_change(&list("b"));
    assert_eq!(names(&gateway), ["a", "b"]);
}
