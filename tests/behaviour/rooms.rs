//! The rooms of `gateway/src` are joined by one-way doors.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Each room, and the rooms that it may use.
const DOORS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("config", &["model"]),
    ("device", &["model"]),
    ("state", &[]),
    ("store", &["model", "state"]),
    ("pki", &["device", "model"]),
    ("access", &["device", "model", "state"]),
    ("telemetry", &[]),
    ("limit", &["device", "model", "telemetry"]),
    ("web", &[]),
    ("crl", &["config", "device", "state", "telemetry", "web"]),
    ("origin", &["model", "telemetry"]),
    ("resource", &["config", "device", "model", "store"]),
    ("alert", &["config", "device", "model", "resource", "store", "telemetry", "web"]),
    ("snapshot", &["access", "config", "crl", "device", "model", "origin", "state"]),
    ("tls", &["device", "model", "snapshot"]),
    ("xdp", &["config", "model", "snapshot", "telemetry"]),
    ("connection", &["access", "config", "device", "limit", "model", "snapshot", "telemetry", "tls"]),
    ("relay", &["connection", "device", "limit", "model", "telemetry"]),
    (
        "http",
        &[
            "access",
            "config",
            "connection",
            "device",
            "limit",
            "model",
            "origin",
            "relay",
            "snapshot",
            "telemetry",
            "tls",
        ],
    ),
    (
        "stream",
        &[
            "access",
            "config",
            "connection",
            "device",
            "limit",
            "model",
            "origin",
            "relay",
            "snapshot",
            "telemetry",
            "tls",
        ],
    ),
    (
        "listen",
        &[
            "access",
            "config",
            "connection",
            "device",
            "http",
            "limit",
            "model",
            "origin",
            "snapshot",
            "stream",
            "telemetry",
            "tls",
        ],
    ),
    ("handover", &[]),
    (
        "control",
        &[
            "access",
            "alert",
            "config",
            "crl",
            "device",
            "handover",
            "limit",
            "listen",
            "model",
            "resource",
            "snapshot",
            "store",
            "telemetry",
            "xdp",
        ],
    ),
    ("api", &["config", "control", "limit", "model", "state"]),
    ("doctor", &["config", "control", "device", "listen", "snapshot", "xdp"]),
    (
        "gateway",
        &[
            "access",
            "alert",
            "api",
            "config",
            "control",
            "crl",
            "device",
            "handover",
            "limit",
            "listen",
            "resource",
            "snapshot",
            "store",
            "telemetry",
            "xdp",
        ],
    ),
    (
        "cli",
        &[
            "access",
            "config",
            "control",
            "crl",
            "device",
            "doctor",
            "gateway",
            "model",
            "pki",
            "snapshot",
            "telemetry",
            "xdp",
        ],
    ),
];

/// What a file's text uses of its own crate: the first word behind each `crate::`, and each behind `crate::{`. Tests
/// at its end may use anything.
fn used(text: &str) -> BTreeSet<String> {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut rooms = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        let (list, separator) = match rest.strip_prefix('{') {
            Some(list) => (list.split('}').next().unwrap_or_default(), ','),
            None => (rest, '\0'),
        };
        let first_word = |path: &str| {
            path.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>()
        };
        rooms.extend(list.split(separator).map(first_word));
    }
    rooms
}

fn rust_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let sources =
        files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    sources.chain(folders.iter().flat_map(|folder| rust_files(folder))).collect()
}

#[test]
fn every_use_of_another_room_goes_through_a_door() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway/src");
    let mut seen = BTreeSet::new();
    for file in rust_files(&sources) {
        let path = file.strip_prefix(&sources).unwrap();
        let room = path.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        if ["lib", "main"].contains(&room.as_str()) || path.ends_with("tests.rs") {
            continue;
        }
        let doors = DOORS.iter().find(|(name, _)| *name == room);
        let (_, doors) = doors.unwrap_or_else(|| panic!("`{room}` is no room; give it its doors here"));
        for other in used(&fs::read_to_string(&file).unwrap()) {
            let open = other == room || doors.contains(&other.as_str());
            assert!(open, "{}: `{room}` has no door to `{other}`", path.display());
        }
        seen.insert(room);
    }
    assert_eq!(seen.len(), DOORS.len(), "{seen:?}");
}

#[test]
fn doors_lead_one_way() {
    for (index, (room, doors)) in DOORS.iter().enumerate() {
        let above: Vec<_> = DOORS[..index].iter().map(|(room, _)| room).collect();
        assert!(doors.iter().all(|door| above.contains(&door)), "{room} uses a room below it");
    }
}

#[test]
fn uses_are_found_in_every_spelling() {
    let text = "use crate::config;\nuse crate::{gateway, telemetry::log};\nlet x = crate::device::now();\n#[cfg(test)]\nmod tests {\nuse crate::api;";
    assert_eq!(used(text), ["config", "device", "gateway", "telemetry"].map(str::to_owned).into());
}
