//! A connection serves the host that it was made for: another Host is misdirected (421), however it is spelled.

use fleetgate_tests::gateway::{Gateway, Host};
use fleetgate_tests::site::{HOST, Site};

#[test]
fn sni_and_host_must_agree_up_to_case_dot_and_port() {
    let site = Site::new();
    let other =
        Host::new("other.example.com", &site.servers.server(&["other.example.com"]), &site.origin.url());
    let gateway = Gateway::start(site.setup().host(other.client_auth("none")));
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    for host in [HOST, "IOT.Example.COM", "iot.example.com.", "iot.example.com:8443", "IOT.example.com.:1"] {
        assert_eq!(connection.get(host, "/").unwrap().status(), 200, "{host}");
    }
    let reached = site.origin.requests().len();
    for host in ["other.example.com", "nobody.example.com", "sub.iot.example.com", "example.com:8443"] {
        assert_eq!(connection.get(host, "/").unwrap().status(), 421, "{host}");
    }
    let absolute = "GET http://other.example.com/ HTTP/1.1\r\nHost: other.example.com\r\n\r\n";
    assert_eq!(connection.exchange(absolute).unwrap().status(), 421);
    gateway
        .output()
        .wait_access("misdirected", |line| line["reason"] == "misdirected" && line["decision"] == "deny");
    assert_eq!(site.origin.requests().len(), reached);
}

#[test]
fn a_request_that_names_no_host_or_two_is_bad() {
    let site = Site::new();
    let gateway = site.start();
    let requests = [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: iot.example.com\r\nHost: iot.example.com\r\n\r\n",
        "GET http://other.example.com/ HTTP/1.1\r\nHost: iot.example.com\r\n\r\n",
        "CONNECT iot.example.com:443 HTTP/1.1\r\nHost: iot.example.com\r\n\r\n",
    ];
    for request in requests {
        let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
        assert_eq!(connection.exchange(request).unwrap().status(), 400, "{request}");
    }
    assert_eq!(site.origin.connections(), 0);
}
