//! The alert rules are ones that Prometheus accepts, fire when they should, and are about metrics that exist.

use std::process::Command;

use fleetgate_tests::skip;

use crate::{registry, repository};

const RULES: &str = "deploy/prometheus/fleetgate.rules.yml";

fn promtool(arguments: &[&str], file: &str) {
    if skip::unless_installed("promtool") {
        repository::must_run(Command::new("promtool").args(arguments).arg(repository::path(file)));
    }
}

#[test]
fn prometheus_accepts_them() {
    promtool(&["check", "rules"], RULES);
}

#[test]
fn they_fire_when_they_should() {
    promtool(&["test", "rules"], "deploy/prometheus/fleetgate.rules.test.yml");
}

#[test]
fn every_metric_and_label_exists() {
    let named = registry::assert_known(RULES, &repository::read(RULES));
    assert!(named.len() > 10, "{named:?}");
}

#[test]
fn every_alert_has_a_severity_and_says_what_to_do() {
    let rules = repository::read(RULES);
    let mut alerts = rules.split("- alert: ");
    alerts.next();
    for alert in alerts {
        let name = alert.lines().next().unwrap();
        for part in ["severity: ", "summary: \"", "action: \""] {
            assert_eq!(alert.matches(part).count(), 1, "{name}: {part}");
        }
    }
}
