//! The document's browser step: Chromium opens the protected page with the certificate that was imported, and not without.

use fleetgate_tests::browser::Browser;
use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::workbench::Workbench;
use serde_json::Value;

#[test]
fn chromium_opens_the_protected_page_with_an_imported_certificate_alone() {
    let Some(browser) = Browser::of(HOST) else { return };
    let (site, bench) = (Site::new(), Workbench::new());
    bench.write("secret.txt", "correct horse\n");
    bench.must("fleetgate pki ca new 'Laptop CA'");
    bench.must(
        "fleetgate pki fleet --count 1 --out fleet --name laptop-{n} --pkcs12 --encrypt-file secret.txt",
    );
    let setup = site.untrusting().trust("laptops", &bench.path("ca.pem"), &[HOST]);
    let gateway = Gateway::start(setup);
    browser.trust(&site.servers.path);

    let page = browser.open(gateway.address(), HOST, "/without");
    assert!(page.contains("<h1>403 Forbidden</h1>"), "{page}");
    let is = |path: &'static str| move |line: &Value| line["path"] == path;
    let line = gateway.output().wait_access("the request without", is("/without"));
    assert_eq!((&line["status"], &line["certificate"]), (&403.into(), &"absent".into()), "{line}");
    assert_eq!(site.origin.connections(), 0);

    browser.import(&bench.path("fleet/laptop-1.p12"), "correct horse");
    let page = browser.open(gateway.address(), HOST, "/with");
    // The origin answers with the request.
    assert!(page.contains("/with") && !page.contains("Forbidden"), "{page}");
    let line = gateway.output().wait_access("the request with", is("/with"));
    let listed: Value = serde_json::from_str(&bench.read("fleet/manifest.jsonl")).unwrap();
    assert_eq!((&line["status"], &line["fingerprint"]), (&200.into(), &listed["fingerprint"]), "{line}");
}
