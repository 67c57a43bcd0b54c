//! A CA that expires while it is in use verifies nobody from then on, and holds up neither a reload nor a start; one that
//! had expired before it was uploaded is refused by name, by all who can know that it is new.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::pki::Ca;
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::wait;
use nix::sys::signal::Signal;

/// Long enough for a gateway to start with it.
const SHORT: Duration = Duration::from_secs(5);

fn keeping(setup: Setup) -> Setup {
    setup.table("server", "state_dir = \".\"")
}

fn reload_until_expired(gateway: &Gateway) {
    wait::until("the end of a CA", || {
        let said = gateway.reload();
        assert_eq!(said.code, 0, "a reload goes through before, while and after it expires: {said:?}");
        said.stdout.contains("has expired; it verifies nobody").then_some(())
    });
}

#[test]
fn one_that_was_accepted_holds_up_no_reload_start_or_check_and_a_new_one_does() {
    let site = Site::new();
    let short = Ca::root_for("Short Root", SHORT);
    let setup = keeping(site.setup().trust("short", &short.path, &[HOST]));
    let mut gateway = Gateway::start(setup.clone());
    let record = gateway.folder().join("accepted-cas.json");
    assert_eq!(fs::metadata(&record).unwrap().permissions().mode() & 0o777, 0o600);
    reload_until_expired(&gateway);
    let client = site.anonymous().identity(&short.device("device-1"));
    let status = client.connect(gateway.address(), HOST).unwrap().get(HOST, "/").unwrap().status();
    assert_eq!(status, 403, "it verifies nobody");

    gateway.signal(Signal::SIGKILL);
    gateway.wait();
    gateway.start_again();
    gateway.output().wait_log("has expired; it verifies nobody");
    assert_eq!(gateway.check().code, 0);

    let new = Ca::expired_root("Old Root");
    gateway.configure(&setup.trust("old", &new.path, &[HOST]));
    for said in [gateway.reload(), gateway.check()] {
        assert!(said.code == 1 && said.stdout.contains("has expired, and is new here"), "{said:?}");
    }
    // What was taken out is new when it comes back.
    gateway.configure(&keeping(site.setup()));
    gateway.must_reload();
    gateway.configure(&keeping(site.setup().trust("short", &short.path, &[HOST])));
    assert_eq!(gateway.reload().code, 1);
}

#[test]
fn a_first_start_refuses_one_and_a_start_that_cannot_know_only_warns() {
    let site = Site::new();
    let expired = Ca::expired_root("Old Root");
    let setup = site.setup().trust("old", &expired.path, &[HOST]);
    let refusal = Gateway::try_start(keeping(setup.clone())).err().unwrap();
    for part in
        ["certificate 1 (`CN=", "Old Root", "good until 2001-01-01", "has expired, and is new here; replace"]
    {
        assert!(refusal.stderr.contains(part), "{part}: {}", refusal.stderr);
    }
    let gateway = Gateway::start(setup);
    gateway.output().wait_log("has expired; it verifies nobody");
    // What serves counts as accepted.
    gateway.must_reload();
    let another = Ca::expired_root("Another Root");
    gateway.configure(&site.setup().trust("old", &another.path, &[HOST]));
    assert!(gateway.reload().stdout.contains("and is new here"));
}

#[test]
fn a_damaged_record_holds_up_nothing() {
    let site = Site::new();
    let mut gateway = Gateway::start(keeping(site.setup()));
    gateway.signal(Signal::SIGKILL);
    gateway.wait();
    fs::write(gateway.folder().join("accepted-cas.json"), "{").unwrap();
    gateway.start_again();
    gateway.output().wait_log("which CAs were accepted before is not known");
}
