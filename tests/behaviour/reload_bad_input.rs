//! A reload is all or nothing: whatever is wrong, the old snapshot keeps serving, and exit status, reply, status,
//! metric and readiness say what is wrong.

use std::fs;

use fleetgate_tests::gateway::{Gateway, Host, Said, Setup, quoted};
use fleetgate_tests::pki::Ca;
use fleetgate_tests::site::{HOST, Site};
use nix::sys::signal::Signal;

fn assert_old_serves(site: &Site, gateway: &Gateway, what: &str) {
    let status = gateway.status();
    assert_eq!(
        (&status["generation"], &status["last_reload"]["successful"]),
        (&1.into(), &false.into()),
        "{what}"
    );
    assert_eq!(gateway.metric("fleetgate_config_last_reload_successful", &[]), 0, "{what}");
    let ready = gateway.probe("/readyz").unwrap();
    assert_eq!(ready.status(), 200);
    assert!(ready.text().contains("the last reload was refused"), "{what}: {}", ready.text());
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200, "{what}");
}

fn assert_refused(site: &Site, gateway: &Gateway, bad: &Setup, expected: &str) {
    gateway.configure(bad);
    let Said { code, stdout, .. } = gateway.reload();
    assert_eq!(code, 1, "{expected}");
    assert!(
        stdout.contains(expected) && stdout.contains("the old configuration keeps serving"),
        "{expected}: {stdout}"
    );
    assert!(gateway.status()["last_reload"]["problems"].to_string().contains(expected));
    assert_old_serves(site, gateway, expected);
}

#[test]
fn each_kind_of_bad_input_is_refused_and_good_input_heals() {
    let site = Site::new();
    let gateway = site.start();
    let file = |name: &str, text: &str| {
        let path = gateway.folder().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let good = || site.setup();
    let server_key = quoted(&site.server.key);
    let expired = Ca::expired_root("Old Root");
    let bad = [
        (good().replace("origin = ", "orgin = "), "unknown key `orgin`"),
        (good().host(site.host()), "host `iot.example.com` is already defined"),
        (good().replace(&server_key, "\"missing.pem\""), "missing.pem: No such file"),
        (good().replace(&server_key, &quoted(&site.server.certificate)), "holds no private key"),
        (good().replace(&server_key, &quoted(&site.device.key)), "does not belong to the host's certificate"),
        (good().trust("leaf", &site.device.certificate, &[HOST]), "is not a CA"),
        (good().trust("empty", &file("empty.pem", ""), &[HOST]), "holds no certificate"),
        (
            good().trust("cut", &file("cut.pem", "-----BEGIN CERTIFICATE-----\nMIIB"), &[HOST]),
            "is not valid PEM",
        ),
        (good().trust("old", &expired.path, &[HOST]), "has expired, and is new here"),
        (good().replace("http://", "ftp://"), "an origin is http:"),
        (good().table("xdp", "interfaces = [\"nowhere0\"]"), "there is no interface nowhere0"),
        (good().table("server", "workers = 7"), "[server] has changed"),
    ];
    for (setup, expected) in &bad {
        assert_refused(&site, &gateway, setup, expected);
    }
    let failures = gateway.metric("fleetgate_config_reloads_total", &[("result", "failure")]);
    assert_eq!(failures.to_string(), bad.len().to_string());

    gateway.configure(&good());
    gateway.must_reload();
    assert_eq!(gateway.metric("fleetgate_config_last_reload_successful", &[]), 1);
    assert_eq!(gateway.probe("/readyz").unwrap().text(), "ok\n");
    assert_eq!(gateway.status()["generation"], 2);
}

#[test]
fn a_file_that_is_no_toml_or_gone_is_refused_on_sighup() {
    let site = Site::new();
    let gateway = site.start();
    let failed = |times| {
        gateway.signal(Signal::SIGHUP);
        gateway.wait_metric("fleetgate_config_reloads_total", &[("result", "failure")], times);
    };
    gateway.write_config("[[listener]\n");
    failed(1);
    gateway.output().wait_log(&format!("{}:1:", gateway.config().display()));
    // Such a file does not say where the gateway is; the command line says what is wrong with it instead.
    let said = gateway.reload();
    assert!(said.code == 1 && said.stderr.contains("fleetgate.toml:1:"), "{said:?}");
    fs::remove_file(gateway.config()).unwrap();
    failed(2);
    gateway.output().wait_log("cannot read");
    gateway.configure(&site.setup());
    assert_old_serves(&site, &gateway, "no file");
}

#[test]
fn a_reload_with_several_faults_names_them_all() {
    let site = Site::new();
    let gateway = site.start();
    let unknown = Host::new("other.example.com", &site.server, "http://127.0.0.1:1/path");
    gateway.configure(&site.setup().host(unknown).replace("origin = ", "orgin = "));
    let said = gateway.reload();
    for expected in ["unknown key `orgin`", "`origin` is missing", "an origin is a host and a port only"] {
        assert!(said.stdout.contains(expected), "{expected}: {}", said.stdout);
    }
}

#[test]
fn what_needs_a_restart_does_not_hide_behind_what_is_wrong_elsewhere() {
    let site = Site::new();
    let gateway = site.start();
    let missing = site.setup().replace(&quoted(&site.server.key), "\"missing.pem\"");
    gateway.configure(&missing.table("server", "workers = 7").table("xdp", "interfaces = [\"nowhere0\"]"));
    let said = gateway.reload();
    for expected in ["missing.pem", "[server] has changed", "there is no interface nowhere0"] {
        assert!(said.stdout.contains(expected), "{expected}: {}", said.stdout);
    }
}
