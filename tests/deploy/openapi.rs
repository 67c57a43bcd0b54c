//! `docs/openapi.json` has every route, and no other.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::repository;

/// What the paths of routes begin with, as they stand in the sources.
const BEGINNINGS: [&str; 5] =
    ["/fleetgate/v1/", "/client/v4/user", "/access/", "/alerting/", "/managed_headers"];

fn sources(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| if path.is_dir() { sources(&path) } else { std::fs::read_to_string(path).unwrap() })
        .collect()
}

/// Paths of routes in the sources: whatever is a text of its own and begins like one.
fn routes() -> BTreeSet<String> {
    let text = sources(&repository::path("gateway/src/api"));
    let words = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>());
    let is_route = |word: &String| {
        BEGINNINGS.iter().any(|beginning| word.starts_with(beginning)) && !word.ends_with('/')
    };
    words.filter(is_route).filter(|word| !word.contains(' ')).collect()
}

fn documented() -> BTreeSet<String> {
    let document: Value = serde_json::from_str(&repository::read("docs/openapi.json")).unwrap();
    document["paths"].as_object().unwrap().keys().cloned().collect()
}

/// A path without its account or zone.
fn within(path: &str) -> &str {
    let scopes = ["/client/v4/accounts/{account_id}", "/client/v4/zones/{zone_id}"];
    scopes.iter().find_map(|scope| path.strip_prefix(scope)).unwrap_or(path)
}

#[test]
fn every_route_is_documented_and_nothing_else_is() {
    let documented = documented();
    let paths: BTreeSet<_> = documented.iter().map(|path| within(path).to_owned()).collect();
    let routes = routes();
    let missing: Vec<_> = routes.difference(&paths).collect();
    let unknown: Vec<_> = paths.difference(&routes).collect();
    assert_eq!((missing, unknown), (vec![], vec![]));
}
