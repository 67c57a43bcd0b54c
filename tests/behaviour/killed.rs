//! A gateway that was killed starts again over what it left behind, and traffic flows.

use std::time::Instant;

use fleetgate_tests::site::{HOST, Site};
use nix::sys::signal::Signal;

#[test]
fn traffic_flows_after_sigkill_and_a_new_start() {
    let site = Site::new();
    let mut gateway = site.start();
    let mut open = site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(open.get(HOST, "/").unwrap().status(), 200);
    gateway.signal(Signal::SIGKILL);
    assert_eq!(gateway.wait().code(), None);
    assert!(gateway.admin_socket().exists(), "a killed gateway leaves its socket");
    let begun = Instant::now();
    gateway.start_again();
    assert_eq!(site.curl(gateway.address(), "/").identity(&site.device).response().status(), 200);
    // For people: nothing is asserted about time.
    println!("traffic flowed {} ms after the new start", begun.elapsed().as_millis());
    assert_eq!(gateway.status()["generation"], 1);
}
