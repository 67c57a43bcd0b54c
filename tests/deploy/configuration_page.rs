//! `docs/configuration.md` is complete: its example has every key that the parser knows, with its default, and each key
//! has a row.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use fleetgate::config::{Access, Config, Problems, Server, Source};
use fleetgate::model::forwarding::Forwarding;
use fleetgate::model::limit::DeviceLimit;

use crate::repository;

pub(crate) const PAGE: &str = "docs/configuration.md";
/// A key that is like no other, so that the parser lists those that it knows.
const UNKNOWN: &str = "0 = 0";

/// Keys by their table.
pub(crate) type Keys = BTreeSet<(String, String)>;

/// The one example.
pub(crate) fn example() -> String {
    let page = repository::read(PAGE);
    let blocks: Vec<_> =
        page.split("```toml\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect();
    assert_eq!(blocks.len(), 1);
    blocks[0].to_owned()
}

fn parse(text: &str) -> Result<Config, Problems> {
    Config::parse(&Arc::new(Source::new(Path::new("fleetgate.toml"), text.to_owned())))
}

/// The table that each line of a configuration is in; `""` before the first.
pub(crate) fn tables(text: &str) -> Vec<String> {
    let mut table = String::new();
    let of_line = |line: &str| {
        if line.starts_with('[') {
            line.trim_matches(['[', ']']).clone_into(&mut table);
        }
        table.clone()
    };
    text.lines().map(of_line).collect()
}

/// What a configuration sets, with the values as they are written. A table is a key of its parent.
fn set(text: &str) -> BTreeMap<(String, String), String> {
    let tables = tables(text);
    let mut set = BTreeMap::new();
    for table in &tables {
        let (parent, name) = table.rsplit_once('.').unwrap_or(("", table));
        set.insert((parent.to_owned(), name.to_owned()), String::new());
    }
    for (table, line) in tables.iter().zip(text.lines()) {
        if let Some((key, value)) = line.split_once(" = ") {
            set.insert((table.clone(), key.to_owned()), value.to_owned());
        }
    }
    set
}

/// Every key that the parser knows, table by table: it says so where it finds one that it doesn't.
pub(crate) fn known() -> Keys {
    let example = example();
    let mut text = format!("{UNKNOWN}\n");
    for line in example.lines() {
        text.push_str(&line.replace("[{ ", &format!("[{{ {UNKNOWN}, ")));
        text.push('\n');
        if line.starts_with('[') {
            text.push_str(UNKNOWN);
            text.push('\n');
        }
    }
    let problems = parse(&text).unwrap_err().json();
    let tables = tables(&text);
    let mut known = Keys::new();
    for problem in problems.as_array().unwrap() {
        let line = usize::try_from(problem["line"].as_u64().unwrap()).unwrap() - 1;
        let is_rule = text.lines().nth(line).unwrap().contains("[{ ");
        let table = if is_rule { "rule".to_owned() } else { tables[line].clone() };
        let keys = problem["remedy"].as_str().and_then(|remedy| remedy.strip_prefix("known here: "));
        let keys = keys.unwrap_or_else(|| panic!("not about an unknown key: {problem}"));
        known.extend(keys.split(", ").map(|key| (table.clone(), key.to_owned())));
    }
    assert_eq!(
        problems.as_array().unwrap().len(),
        text.matches(UNKNOWN).count(),
        "a table was not looked into"
    );
    known
}

/// What the page says about a table.
pub(crate) fn section<'a>(page: &'a str, table: &str) -> &'a str {
    let titles = match table {
        "rule" => ["\nA rule is a table".to_owned(), String::new()],
        table => [format!("\n## `[{table}]`\n"), format!("\n## `[[{table}]]`\n")],
    };
    let mut titles = titles.iter().filter(|title| !title.is_empty());
    let section = titles.find_map(|title| page.split_once(title.as_str()));
    let (_, section) = section.unwrap_or_else(|| panic!("no section about [{table}]"));
    section.split("\n## ").next().unwrap()
}

#[test]
fn the_example_parses() {
    parse(&example()).unwrap();
}

#[test]
fn the_example_has_every_key() {
    let example = example();
    let set = set(&example);
    for (table, key) in known() {
        let shown = if table == "rule" {
            example.contains(&format!("{{ {key} = "))
        } else {
            set.contains_key(&(table.clone(), key.clone()))
        };
        assert!(shown, "the example has no {key} in [{table}]");
    }
}

#[test]
fn optional_settings_have_their_defaults_in_the_example() {
    let required = "listener = [{ address = \"[::]:443\" }]\n\
        host = [{ name = \"a.example\", certificate = \"c\", key = \"k\", origin = \"http://a\" }]";
    let (silent, example) = (parse(required).unwrap(), parse(&example()).unwrap());
    // It has no default: nobody's folder is taken unasked.
    assert_eq!(silent.server.state_dir, None);
    assert_eq!(silent.server, Server { state_dir: None, ..example.server });
    assert_eq!(silent.timeout, example.timeout);
    assert_eq!(silent.denied, example.denied);
    assert_eq!(silent.hosts[0].client_auth, example.hosts[0].client_auth);
    assert_eq!(silent.access.team_domain, None, "nobody's domain is taken unasked");
    assert_eq!(silent.access.key_rotation(None), example.access.key_rotation(None));
    let silent_of = Access { team_domain: None, key_rotation: None, geo_database: None, ..example.access };
    assert_eq!(silent.access, silent_of);
    assert_eq!(silent.forwarding.or(&Forwarding::default()), example.forwarding.or(&Forwarding::default()));
    assert_eq!(silent.limit.or(DeviceLimit::default()), example.limit.or(DeviceLimit::default()));
    assert_eq!(silent.admin, example.admin);
    assert_eq!(silent.metrics, example.metrics);
    assert_eq!(silent.log, example.log);
    let (silent, example) = (silent.xdp, example.xdp);
    assert_eq!((silent.mode, silent.required, silent.log), (example.mode, example.required, example.log));
    assert_eq!(silent.unknown_sni, example.unknown_sni);
    assert_eq!(silent.pin_dir, None);
    assert_eq!((silent.limit, silent.table), (example.limit, example.table));
}

#[test]
fn every_key_has_a_row_with_its_default() {
    let page = repository::read(PAGE);
    let set = set(&example());
    for (table, key) in known().into_iter().filter(|(table, _)| !table.is_empty()) {
        let section = section(&page, &table);
        let is_table = set.keys().any(|(parent, _)| *parent == format!("{table}.{key}"));
        if is_table && !section.contains(&format!("| `{key}` |")) {
            continue;
        }
        let rows = repository::rows(section);
        let row = rows
            .iter()
            .find(|row| row[0] == key)
            .unwrap_or_else(|| panic!("no row about {key} in [{table}]"));
        let value = set.get(&(table.clone(), key.clone())).map_or("", String::as_str);
        // Without a default, the example has to have something else.
        if table != "rule" && !["required", "[]", "none"].contains(&row[2]) {
            assert_eq!(row[2], value, "{key} in [{table}]");
        }
    }
}
