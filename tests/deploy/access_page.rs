//! `docs/access.md`: its examples load, its decisions are those of `fleetgate policy test`, and no rule and no reason is
//! missing.

use std::path::Path;
use std::sync::Arc;

use fleetgate::access::Reason;
use fleetgate::config::{Config, Source};
use fleetgate_tests::gateway::{Setup, cli};
use fleetgate_tests::pki::Ca;
use fleetgate_tests::site::{HOST, Site};
use serde_json::Value;
use tempfile::TempDir;

use crate::configuration_page::known;
use crate::repository;

const PAGE: &str = "docs/access.md";

/// What stands under a heading.
fn section<'a>(page: &'a str, title: &str) -> &'a str {
    let (_, rest) =
        page.split_once(&format!("\n## {title}\n")).unwrap_or_else(|| panic!("no section {title}"));
    rest.split("\n## ").next().unwrap()
}

fn example(page: &str) -> &str {
    page.split_once("```toml\n").unwrap().1.split_once("```").unwrap().0
}

#[test]
fn the_decisions_of_the_worked_example_are_those_that_are_made() {
    let page = repository::read(PAGE);
    let worked = section(&page, "A worked example");
    let (site, folder) = (Site::new(), TempDir::new().unwrap());
    let setup = Setup::default().host(site.host()).trust("devices", &site.devices.path, &[HOST]);
    let (config, text) = setup.write(folder.path());
    std::fs::write(&config, text + example(&page)).unwrap();
    let rows = repository::rows(worked);
    assert!(rows.len() > 10);
    for row in rows {
        let [certificate, path, from, shows, outcome, why] = row[..] else { panic!("{row:?}") };
        let identity = match certificate {
            "none" => None,
            "stranger" => Some(Ca::root("Stranger").device("device-1")),
            name => Some(site.devices.device(name)),
        };
        let mut arguments = vec!["test", "--json", "--host", HOST, "--path", path, "--ip", from];
        if let Some(identity) = &identity {
            arguments.extend(["--cert", identity.certificate.to_str().unwrap()]);
        }
        if shows != "–" {
            arguments.extend(["--service-token", shows]);
        }
        let said = cli("policy", &config, &arguments);
        let json: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));
        let told = &json["outcome"];
        let key = if outcome == "permit" { "policy" } else { "reason" };
        assert_eq!((&told["decision"], &told[key]), (&outcome.into(), &why.into()), "{row:?}: {json}");
    }
}

#[test]
fn every_rule_has_a_row_whose_example_loads() {
    let page = repository::read(PAGE);
    let rows = repository::rows(section(&page, "Rules"));
    let selectors: Vec<_> =
        known().into_iter().filter(|(table, _)| table == "rule").map(|(_, key)| key).collect();
    for selector in &selectors {
        assert_eq!(rows.iter().filter(|row| row[0] == selector).count(), 1, "{selector}");
    }
    assert_eq!(rows.len(), selectors.len());
    for row in rows {
        assert!(row[1].starts_with(&format!("{{ {} = ", row[0])), "{row:?}");
        let text = format!("listener = []\nhost = []\n[[group]]\nname = \"g\"\ninclude = [{}]\n", row[1]);
        let source = Arc::new(Source::new(Path::new("fleetgate.toml"), text));
        Config::parse(&source).unwrap_or_else(|problems| panic!("{row:?}: {problems}"));
    }
}

#[test]
fn every_domain_loads() {
    let page = repository::read(PAGE);
    for row in repository::rows(section(&page, "Domains")) {
        row[0]
            .parse::<fleetgate::model::destination::Destination>()
            .unwrap_or_else(|error| panic!("{row:?}: {error}"));
    }
}

#[test]
fn every_reason_has_a_row() {
    let page = repository::read(PAGE);
    let rows = repository::rows(section(&page, "How a request is decided"));
    for reason in Reason::ALL {
        assert!(rows.iter().any(|row| row[0] == reason.label()), "{}", reason.label());
    }
}
