//! A full disk and a read-only one cost changes, each with a clear error, and no traffic.

use std::fs;
use std::path::{Path, PathBuf};

use fleetgate_tests::gateway::{Gateway, quoted};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::skip;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A file system of a few megabytes.
struct Disk {
    folder: TempDir,
}

impl Disk {
    fn new() -> Self {
        let disk = Self { folder: TempDir::with_prefix("fleetgate-disk-").unwrap() };
        disk.mount_again(MsFlags::empty());
        disk
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn mount_again(&self, flags: MsFlags) {
        mount(Some("tmpfs"), self.path(), Some("tmpfs"), flags, Some("size=6M")).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }

    /// Leaves not a byte.
    fn fill(&self) {
        let mut ballast = fs::File::create(self.ballast()).unwrap();
        while std::io::Write::write(&mut ballast, &[0; 4096]).is_ok_and(|written| written > 0) {}
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Whoever still has it open keeps it until then.
        let _ = umount2(self.path(), MntFlags::MNT_DETACH);
    }
}

fn start(site: &Site, disk: &Disk) -> Gateway {
    Gateway::start(site.setup().table("server", &format!("state_dir = {}", quoted(disk.path()))))
}

/// A list that takes room.
fn list(number: u32) -> Value {
    let id = format!("{number:08x}-0000-4000-8000-000000000000");
    let name = format!("{number} {}", "x".repeat(200_000));
    json!([{ "kind": "ip_list", "id": id, "document": { "name": name, "ips": ["192.0.2.0/24"] } }])
}

fn serves(site: &Site, gateway: &Gateway) {
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
}

#[test]
fn a_full_disk_refuses_changes_until_there_is_room_again() {
    if !skip::unless_root() {
        return;
    }
    let (site, disk) = (Site::new(), Disk::new());
    let mut gateway = start(&site, &disk);
    gateway.must_change(&list(0));
    disk.fill();
    let refused = (1..50).map(list).find_map(|writes| {
        let (status, answer) = gateway.change(&writes);
        (status != 200).then_some((status, answer.to_string()))
    });
    let (status, answer) = refused.unwrap();
    assert!(status == 507 && answer.contains("is full: nothing was changed"), "{status} {answer}");
    serves(&site, &gateway);
    let kept = gateway.kept("ip_list").len();
    assert_eq!(gateway.change(&list(60)).0, 507);

    fs::remove_file(disk.ballast()).unwrap();
    gateway.must_change(&list(61));
    assert_eq!(gateway.kept("ip_list").len(), kept + 1);
    gateway.signal(Signal::SIGTERM);
    gateway.wait();
    gateway.start_again();
    assert_eq!(gateway.kept("ip_list").len(), kept + 1);
}

#[test]
fn a_read_only_state_dir_refuses_changes_until_it_can_be_written_again() {
    if !skip::unless_root() {
        return;
    }
    let (site, disk) = (Site::new(), Disk::new());
    let mut gateway = start(&site, &disk);
    gateway.must_change(&list(0));
    let identity = gateway.status()["account_id"].clone();
    gateway.signal(Signal::SIGTERM);
    gateway.wait();
    disk.mount_again(MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY);
    gateway.start_again();
    serves(&site, &gateway);
    let (status, answer) = gateway.change(&list(1));
    assert!(
        status == 507 && answer.to_string().contains("cannot be written: nothing was changed"),
        "{status} {answer}"
    );
    let ready = gateway.probe("/readyz").unwrap();
    assert!(
        ready.status() == 200 && ready.text().contains("store.redb cannot be written"),
        "{}",
        ready.text()
    );
    assert_eq!(gateway.metric("fleetgate_store_healthy", &[]), 0);
    assert_eq!((gateway.kept("ip_list").len(), &gateway.status()["account_id"]), (1, &identity));
    serves(&site, &gateway);

    disk.mount_again(MsFlags::MS_REMOUNT);
    gateway.must_change(&list(1));
    assert_eq!(gateway.metric("fleetgate_store_healthy", &[]), 1);
    assert_eq!(gateway.kept("ip_list").len(), 2);
    assert!(!gateway.probe("/readyz").unwrap().text().contains("store.redb"));
}
