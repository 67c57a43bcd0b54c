//! A gateway that finds pinned maps of another layout uses none of them, and takes over the bans that it can read: those of
//! sources, and those from one host by the host's name, whichever slot that has now.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fleetgate_ebpf::verdict::Verdict;
use fleetgate_tests::bpffs::BpfFs;
use fleetgate_tests::client::Raw;
use fleetgate_tests::field::Field;
use fleetgate_tests::gateway::{Gateway, Host, Setup};
use fleetgate_tests::site::HOST;
use fleetgate_tests::xdp::hello;
use fleetgate_tests::{skip, wait};
use nix::sys::signal::Signal;
use serde_json::Value;

const FLEET: &str = "192.0.2.2";
const STRANGER: &str = "198.51.100.7";

fn setup(field: &Field, pins: &BpfFs) -> Setup {
    let folder = pins.folder("gateway");
    field.setup(&format!("required = true\npin_dir = \"{}\"", folder.display()))
}

/// Another host, of a name that comes first.
fn other(field: &Field) -> Host {
    let (name, site) = ("a.example.com", &field.site);
    Host::new(name, &site.servers.server(&[name]), &site.origin.url()).client_auth("none")
}

/// A gateway that bans a source from everything and another from its host, and is killed.
fn killed_with_bans(field: &Field, pins: &BpfFs) -> Gateway {
    let mut gateway = Gateway::start(setup(field, pins));
    assert_eq!(gateway.cli("ban", &["add", STRANGER]).code, 0);
    assert_eq!(gateway.cli("ban", &["add", FLEET, "--host", HOST]).code, 0);
    gateway.signal(Signal::SIGKILL);
    gateway.wait();
    gateway
}

fn listed(gateway: &Gateway) -> Vec<(String, Value)> {
    let said = gateway.cli("ban", &["list", "--json"]);
    let listed: Value = serde_json::from_str(&said.stdout).unwrap();
    let bans = listed["bans"].as_array().unwrap().iter();
    let mut bans: Vec<_> =
        bans.map(|ban| (ban["source"].as_str().unwrap().to_owned(), ban["host"].clone())).collect();
    bans.sort_by(|a, b| a.0.cmp(&b.0));
    bans
}

/// The ban from the host acts, and acts on that host only.
fn is_banned_from_the_host(field: &Field, gateway: &Gateway) {
    let before = gateway.packets(Verdict::HelloBanned);
    let address = field.address();
    let _unanswered = field.fleet.run(|| Raw::connect(address).send(&[&hello::classic(HOST)]));
    wait::until("a banned hello", || (gateway.packets(Verdict::HelloBanned) > before).then_some(()));
    assert!(field.fleet.run(|| TcpStream::connect_timeout(&address, Duration::from_secs(5))).is_ok());
}

/// The folder of maps.
fn maps(pins: &BpfFs) -> PathBuf {
    let mut folders = std::fs::read_dir(pins.folder("gateway")).unwrap().map(|entry| entry.unwrap().path());
    folders.find(|path| path.file_name().unwrap().to_string_lossy().starts_with("maps-")).unwrap()
}

fn bpftool(arguments: &[&str]) -> String {
    let output = Command::new("bpftool").args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Puts an array in the place of one that is pinned: the same elements, each with so many bytes more.
fn lengthen(map: &Path, by: usize) {
    let path = map.to_str().unwrap();
    let dump: Value = serde_json::from_str(&bpftool(&["-j", "map", "dump", "pinned", path])).unwrap();
    let bytes = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|byte| byte.as_str().unwrap().to_owned()).collect()
    };
    let elements = dump.as_array().unwrap();
    let size = bytes(&elements[0]["value"]).len() + by;
    std::fs::remove_file(map).unwrap();
    let (size, entries) = (size.to_string(), elements.len().to_string());
    bpftool(&[
        "map", "create", path, "type", "array", "key", "4", "value", &size, "entries", &entries, "name",
        "OTHER",
    ]);
    for element in elements {
        let (key, mut value) = (bytes(&element["key"]), bytes(&element["value"]));
        value.extend(vec!["0xff".to_owned(); by]);
        let mut arguments = vec!["map", "update", "pinned", path, "key"];
        arguments.extend(key.iter().map(String::as_str));
        arguments.push("value");
        arguments.extend(value.iter().map(String::as_str));
        bpftool(&arguments);
    }
}

#[test]
fn bans_of_both_kinds_outlive_other_table_sizes_and_other_slots() {
    if !skip::unless_root() {
        return;
    }
    let (field, pins) = (Field::new(), BpfFs::new());
    let mut gateway = killed_with_bans(&field, &pins);
    // Slots go by name: this one takes the first.
    gateway
        .configure(&setup(&field, &pins).table("xdp.table", "flows = 128\nbans = 128").host(other(&field)));
    gateway.start_again();
    assert_eq!(listed(&gateway), [(FLEET.to_owned(), HOST.into()), (STRANGER.to_owned(), Value::Null)]);
    is_banned_from_the_host(&field, &gateway);
    // They are as good as any other.
    assert_eq!(gateway.cli("ban", &["rm", FLEET, "--host", HOST]).code, 0);
    assert_eq!(field.curl("/").response().status(), 200);
}

#[test]
fn a_ban_from_a_host_that_is_not_served_any_more_goes_with_it() {
    if !skip::unless_root() {
        return;
    }
    let (field, pins) = (Field::new(), BpfFs::new());
    let mut gateway = killed_with_bans(&field, &pins);
    let folder = pins.folder("gateway");
    let xdp = format!("interfaces = [\"edge0\"]\npin_dir = \"{}\"", folder.display());
    let setup = Setup::default().inside(&field.edge).host(other(&field)).table("xdp", &xdp);
    gateway.configure(&setup.table("xdp.table", "flows = 128"));
    gateway.start_again();
    assert_eq!(listed(&gateway), [(STRANGER.to_owned(), Value::Null)]);
}

#[test]
fn bans_outlive_an_older_layout_as_far_as_their_own_is_the_same() {
    if !skip::unless_root() || !skip::unless_installed("bpftool") {
        return;
    }
    let (field, pins) = (Field::new(), BpfFs::new());
    let mut gateway = killed_with_bans(&field, &pins);
    let maps = maps(&pins);
    // Settings of another size, and bans that nobody can read: an array.
    lengthen(&maps.join("SETTINGS"), 16);
    let bans = maps.join("BANS");
    std::fs::remove_file(&bans).unwrap();
    let path = bans.to_str().unwrap();
    bpftool(&[
        "map", "create", path, "type", "array", "key", "4", "value", "4", "entries", "1", "name", "OTHER",
    ]);
    std::fs::rename(&maps, maps.with_file_name("maps-older")).unwrap();
    gateway.start_again();
    gateway.output().wait_log("bans of the gateway before are lost");
    assert!(gateway.is_attached("edge0", "native"));
    assert_eq!(listed(&gateway), [(FLEET.to_owned(), HOST.into())]);
    is_banned_from_the_host(&field, &gateway);
    assert!(!maps.with_file_name("maps-older").exists());
}
