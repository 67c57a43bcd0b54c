//! Every panel of the dashboard shows something that exists.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{registry, repository};

const DASHBOARD: &str = "deploy/grafana/fleetgate.json";

fn dashboard() -> Value {
    serde_json::from_str(&repository::read(DASHBOARD)).unwrap()
}

/// Panels that show data: all but the rows.
fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row")
}

fn expressions(panel: &Value) -> impl Iterator<Item = &str> {
    panel["targets"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|target| target["expr"].as_str().unwrap_or_default())
}

#[test]
fn every_panel_asks_for_metrics_and_labels_that_exist() {
    let dashboard = dashboard();
    let mut shown = BTreeSet::new();
    for panel in panels(&dashboard) {
        let title = panel["title"].as_str().unwrap();
        assert!(expressions(panel).next().is_some(), "{title} has no expression");
        for expression in expressions(panel) {
            let named = registry::assert_known(title, expression);
            assert!(!named.is_empty(), "{title}: {expression:?} asks for nothing of ours");
            shown.extend(named);
        }
    }
    let unseen: Vec<_> = registry::metrics().into_keys().filter(|name| !shown.contains(name)).collect();
    // When a reload last worked is for alerts, when it started and its address space for nobody.
    let known = [
        "fleetgate_config_last_reload_success_timestamp_seconds",
        "process_start_time_seconds",
        "process_virtual_memory_bytes",
    ];
    assert_eq!(unseen, known, "a metric that no panel shows");
}

#[test]
fn every_query_goes_to_the_chosen_data_source() {
    let dashboard = dashboard();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    assert!(
        variables.iter().any(|variable| variable["name"] == "datasource" && variable["type"] == "datasource")
    );
    for variable in variables.iter().filter(|variable| variable["type"] == "query") {
        assert_eq!(variable["datasource"]["uid"], "${datasource}");
        registry::assert_known("a variable", variable["definition"].as_str().unwrap());
    }
    for panel in panels(&dashboard) {
        for target in panel["targets"].as_array().unwrap() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
        }
    }
}

#[test]
fn panels_do_not_overlap_and_have_ids_of_their_own() {
    let dashboard = dashboard();
    let mut ids = BTreeSet::new();
    let mut cells = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64()), "{}", panel["id"]);
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(x < 24 && cells.insert((x, y)), "{} at {x}, {y}", panel["title"]);
            }
        }
    }
}
