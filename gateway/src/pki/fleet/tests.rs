use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::AtomicU64;

use serde_json::Value;
use tempfile::TempDir;
use time::OffsetDateTime;

use super::*;
use crate::device::identity::Fingerprint;
use crate::device::pem as pem_file;
use crate::pki::profile::{PathLength, Validity};
use crate::pki::{Key, Subject};

/// A CA, and a folder for its fleet.
struct Yard {
    ca: Authority,
    profile: Profile,
    names: Template,
    folder: TempDir,
}

impl Yard {
    fn new() -> Self {
        Self::of_ca("Device CA")
    }

    fn of_ca(name: &str) -> Self {
        let validity = Validity::starting(OffsetDateTime::now_utc(), Validity::DEVICE);
        let subject = Subject { name: Name::parse(None, name).unwrap(), hosts: Vec::new() };
        let key = Box::new(Key::generate(KeyKind::P256).unwrap());
        Self {
            ca: Authority::root(&subject, &Profile::ca(PathLength(None), validity), key).unwrap(),
            profile: Profile::device(validity),
            names: "d-{n}".parse().unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn order(&self, count: u64) -> Order<'_> {
        Order {
            ca: &self.ca,
            chain: "",
            profile: &self.profile,
            key: KeyKind::P256,
            subject: Some("O=Example"),
            names: &self.names,
            count,
            folder: self.folder.path(),
            bundle: None,
        }
    }

    fn fill(&self, count: u64) -> Result<Done, FleetError> {
        let seen = AtomicU64::new(0);
        let done = self.order(count).fill(&|| {
            let _ = seen.fetch_add(1, Ordering::Relaxed);
            ControlFlow::Continue(())
        });
        if done.is_ok() {
            assert_eq!(seen.into_inner(), count, "each device is told");
        }
        done
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn manifest(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("manifest.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn done(made: u64, again: u64, kept: u64) -> Done {
    Done { made, again, kept }
}

#[test]
fn every_device_is_listed_once_as_its_files_have_it() {
    let yard = Yard::new();
    assert_eq!(yard.fill(40).unwrap(), done(40, 0, 0));
    let lines = yard.manifest();
    assert_eq!(lines.len(), 40);
    let serials: HashSet<_> = lines.iter().map(|line| line["serial"].as_str().unwrap()).collect();
    assert_eq!(serials.len(), 40);
    for line in &lines {
        let (name, file) = (line["name"].as_str().unwrap(), line["file"].as_str().unwrap());
        assert_eq!(file, format!("{name}.pem"));
        let chain = pem_file::certificates(&yard.path(file)).unwrap();
        assert_eq!(line["fingerprint"], Fingerprint::of(&chain[0]).hex());
        let key = yard.path(&format!("{name}-key.pem"));
        Key::read(&key, None).unwrap();
        assert_eq!(fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn what_is_there_is_kept_and_a_larger_count_adds() {
    let yard = Yard::new();
    yard.fill(5).unwrap();
    let before = fs::read(yard.path("d-1.pem")).unwrap();
    assert_eq!(yard.fill(5).unwrap(), done(0, 0, 5));
    assert_eq!(yard.fill(1200).unwrap(), done(1195, 0, 5));
    assert_eq!(fs::read(yard.path("d-1.pem")).unwrap(), before);
    assert!(yard.path("d-1200.pem").exists(), "a folder goes on as it began");
    // Whose key has gone to the device, stays; whose certificate is gone, is made again and told.
    fs::remove_file(yard.path("d-1-key.pem")).unwrap();
    fs::remove_file(yard.path("d-2.pem")).unwrap();
    assert_eq!(yard.fill(5).unwrap(), done(1, 1, 4));
    assert_eq!(yard.fill(5).unwrap(), done(0, 0, 5));
}

#[test]
fn a_large_fleet_is_in_folders_of_a_thousand() {
    let yard = Yard::new();
    yard.fill(1001).unwrap();
    assert_eq!(fs::read_dir(yard.path("000")).unwrap().count(), 2000);
    assert!(yard.path("001/d-1001.pem").exists());
    assert_eq!(yard.fill(1001).unwrap(), done(0, 0, 1001));
}

#[test]
fn what_a_killed_run_left_is_taken_up_and_nothing_is_overwritten() {
    let yard = Yard::new();
    yard.fill(4).unwrap();
    let keep = |name: &str| {
        (
            fs::read(yard.path(&format!("{name}.pem"))).unwrap(),
            fs::read(yard.path(&format!("{name}-key.pem"))).unwrap(),
        )
    };
    let (first, second) = (keep("d-1"), keep("d-2"));
    // No line; no line and no certificate; no line and an empty one; nothing but an empty key.
    fs::remove_file(yard.path("manifest.jsonl")).unwrap();
    fs::remove_file(yard.path("d-2.pem")).unwrap();
    fs::write(yard.path("d-3.pem"), "").unwrap();
    fs::remove_file(yard.path("d-4.pem")).unwrap();
    fs::write(yard.path("d-4-key.pem"), "").unwrap();
    assert_eq!(yard.fill(4).unwrap(), done(4, 0, 0));
    assert_eq!(keep("d-1"), first);
    assert_eq!(keep("d-2").1, second.1, "the key is used that is there");
    assert_eq!(yard.fill(4).unwrap(), done(0, 0, 4));
    assert_eq!(yard.manifest().len(), 4);
}

#[test]
fn what_is_in_the_way_is_left_as_it_is_and_told() {
    let yard = Yard::new();
    yard.fill(2).unwrap();
    fs::remove_file(yard.path("manifest.jsonl")).unwrap();
    fs::write(yard.path("d-1-key.pem"), "mine").unwrap();
    let error = yard.fill(1).unwrap_err().to_string();
    assert!(error.starts_with("d-1: ") && error.contains("d-1-key.pem"), "{error}");
    assert_eq!(fs::read_to_string(yard.path("d-1-key.pem")).unwrap(), "mine");
    fs::copy(yard.path("d-2-key.pem"), yard.path("d-1-key.pem")).unwrap();
    let error = yard.fill(1).unwrap_err();
    assert!(matches!(error, FleetError::Device { error: DeviceError::OtherKey(_), .. }), "{error}");
    // A link could lead to where others read.
    let elsewhere = yard.path("elsewhere");
    fs::write(&elsewhere, "").unwrap();
    fs::remove_file(yard.path("d-1-key.pem")).unwrap();
    std::os::unix::fs::symlink(&elsewhere, yard.path("d-1-key.pem")).unwrap();
    let error = yard.fill(1).unwrap_err().to_string();
    assert!(error.contains("d-1-key.pem: this is no file"), "{error}");
    assert_eq!(fs::metadata(elsewhere).unwrap().len(), 0);
}

#[test]
fn a_folder_holds_one_cas_devices() {
    // Also when the other CA has the same name: one that was made anew.
    for name in ["Other CA", "Device CA"] {
        let (yard, mut other) = (Yard::new(), Yard::of_ca(name));
        yard.fill(1).unwrap();
        std::mem::swap(&mut other.folder, &mut { yard }.folder);
        let error = other.fill(2).unwrap_err();
        assert!(matches!(error, FleetError::Device { error: DeviceError::OtherCa(_), .. }), "{error}");
    }
}

#[test]
fn an_expired_ca_makes_nothing() {
    let mut yard = Yard::new();
    let past = Validity::from(
        OffsetDateTime::UNIX_EPOCH,
        std::time::Duration::ZERO,
        std::time::Duration::from_hours(1),
    );
    let subject = Subject { name: Name::parse(None, "Old").unwrap(), hosts: Vec::new() };
    let key = Box::new(Key::generate(KeyKind::P256).unwrap());
    yard.ca = Authority::root(&subject, &Profile::ca(PathLength(None), past), key).unwrap();
    assert!(matches!(yard.fill(1), Err(FleetError::Ca(AuthorityError::Expired { .. }))));
    assert_eq!(fs::read_dir(yard.folder.path()).unwrap().count(), 0);
}

#[test]
fn who_stops_has_every_device_that_was_made_listed() {
    let yard = Yard::new();
    let seen = AtomicU64::new(0);
    let error = yard.order(400).fill(&|| match seen.fetch_add(1, Ordering::Relaxed) {
        ..30 => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    });
    assert!(matches!(error, Err(FleetError::Stopped)), "{error:?}");
    let (listed, made) = (yard.manifest().len(), seen.into_inner());
    assert!((31..400).contains(&made) && listed as u64 == made, "{made}: {listed}");
    assert_eq!(
        fs::read_dir(yard.folder.path()).unwrap().count(),
        2 * listed + 1,
        "the manifest, and two files a device"
    );
    assert_eq!(yard.fill(400).unwrap(), done(400 - made, 0, made));
}
