//! Applications are for paths: the more specific one decides alone, a path under none is denied, and one that the origin
//! could read in another way is refused.

use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::site::{HOST, Site};

const DEVICES: &str = "[[application.policy]]\nname = \"devices\"\ndecision = \"non_identity\"\ninclude = [{ certificate = {} }]";
const ADMIN: &str = "[[application.policy]]\nname = \"admins\"\ndecision = \"non_identity\"\ninclude = [{ common_name = { common_name = \"admin-1\" } }]";

fn setup(site: &Site) -> Setup {
    let setup = Setup::default().host(site.host()).trust("devices", &site.devices.path, &[HOST]);
    setup
        .array("application", format!("domain = \"{HOST}/api\"\n{DEVICES}"))
        .array("application", format!("domain = \"{HOST}/api/admin\"\n{ADMIN}"))
}

#[test]
fn each_path_has_the_policies_of_its_own_application() {
    let site = Site::new();
    let gateway = Gateway::start(setup(&site));
    let mut device = site.client().connect(gateway.address(), HOST).unwrap();
    let mut admin =
        site.anonymous().identity(&site.devices.device("admin-1")).connect(gateway.address(), HOST).unwrap();
    let cases = [
        ("/api", 200, 200),
        ("/api/telemetry?x=/api/admin", 200, 200),
        ("/api/admin", 403, 200),
        ("/api/%61dmin/users", 403, 200),
        ("/other", 403, 403),
        ("/", 403, 403),
        ("/apix", 403, 403),
        ("/api/x/../admin", 400, 400),
        ("/api/x/%2e%2e/admin", 400, 400),
        ("/api//admin", 400, 400),
        ("/api%2fadmin", 400, 400),
        ("/api/ADMIN", 400, 400),
        ("/api/admin;x", 400, 400),
    ];
    for (path, for_device, for_admin) in cases {
        let statuses = (device.get(HOST, path).unwrap().status(), admin.get(HOST, path).unwrap().status());
        assert_eq!(statuses, (for_device, for_admin), "{path}");
    }
    let targets: Vec<_> = site.origin.requests().iter().map(|request| request.start.clone()).collect();
    assert!(targets.iter().any(|line| line.contains("/api/%61dmin/users")), "as it was sent: {targets:?}");
    assert!(!targets.iter().any(|line| line.contains("..") || line.contains("ADMIN")), "{targets:?}");
    let reasons = [("no_application", 6), ("no_policy_matched", 2), ("ambiguous_path", 12)];
    for (reason, count) in reasons {
        let labels = [("host", HOST), ("decision", "deny"), ("reason", reason)];
        assert_eq!(gateway.metric("fleetgate_policy_decisions_total", &labels), count, "{reason}");
    }
}

#[test]
fn a_change_for_a_path_closes_the_connections_that_it_concerns() {
    let site = Site::new();
    let gateway = Gateway::start(setup(&site));
    let mut api = site.client().connect(gateway.address(), HOST).unwrap();
    let mut other = site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(api.get(HOST, "/api/old/x").unwrap().status(), 200);
    assert_eq!(other.get(HOST, "/api/new").unwrap().status(), 200);
    gateway.configure(&setup(&site).array("application", format!("domain = \"{HOST}/api/old\"\n{ADMIN}")));
    gateway.must_reload();
    assert!(api.receive().is_err());
    assert_eq!(other.get(HOST, "/api/new").unwrap().status(), 200);
    let terminated = [("host", HOST), ("reason", "no_policy_matched")];
    gateway.wait_metric("fleetgate_connections_terminated_total", &terminated, 1);
}
