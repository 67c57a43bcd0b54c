//! Without a certificate a request is answered with 403, in the client's language, and never reaches the origin.

use fleetgate_tests::site::Site;

#[test]
fn a_person_gets_a_page_and_a_program_gets_json() {
    let site = Site::new();
    let gateway = site.start();

    let page = site.curl(gateway.address(), "/").response();
    assert_eq!(page.status(), 403);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.text().contains("<h1>403 Forbidden</h1>"), "{}", page.text());

    let json = site.curl(gateway.address(), "/").header("Accept: application/json").response();
    assert_eq!((json.status(), &json.json()["status_code"]), (403, &403.into()));

    let line =
        gateway.output().wait_access("the second request", |line| line["ray_id"] == json.json()["ray_id"]);
    assert_eq!((&line["reason"], &line["certificate"]), (&"certificate_missing".into(), &"absent".into()));
    let denied = [("host", "iot.example.com"), ("decision", "deny"), ("reason", "certificate_missing")];
    gateway.wait_metric("fleetgate_policy_decisions_total", &denied, 2);
    assert_eq!(site.origin.connections(), 0);
}
