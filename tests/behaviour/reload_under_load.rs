//! Hosts and origins change under load, and no request fails.

use fleetgate_tests::gateway::{Gateway, Host};
use fleetgate_tests::load::Load;
use fleetgate_tests::origin::Origin;
use fleetgate_tests::site::{HOST, Site};

const OTHER: &str = "other.example.com";

#[test]
fn hosts_and_origins_change_and_no_request_fails() {
    const ROUNDS: usize = 10;
    let (site, second) = (Site::new(), Origin::start());
    let other = site.servers.server(&[OTHER]);
    let moved = || {
        site.setup()
            .replace(&site.origin.url(), &second.url())
            .host(Host::new(OTHER, &other, &site.origin.url()).client_auth("none"))
    };
    let gateway = Gateway::start(site.setup());
    let load = Load::start(&site.client(), gateway.address(), HOST);
    for _ in 0..ROUNDS {
        let before = second.requests().len();
        gateway.configure(&moved());
        gateway.must_reload();
        load.go_on(20);
        assert!(second.requests().len() > before, "the other origin is asked");
        assert!(site.anonymous().connect(gateway.address(), OTHER).is_ok());
        gateway.configure(&site.setup());
        gateway.must_reload();
        load.go_on(20);
        assert!(site.anonymous().connect(gateway.address(), OTHER).is_err());
    }
    load.stop().must_be_flawless();
}
