//! A wrong configuration refuses to start, and says everything that is wrong with it: file, line, column and remedy.

use std::fs;

use fleetgate_tests::gateway::{Host, Setup, cli, quoted};
use fleetgate_tests::pki::OpenSsl;
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::skip;
use tempfile::TempDir;

/// `run` and `check` both refuse; `run`'s line has the position of `place`.
fn assert_refused(setup: &Setup, place: &str, message: &str, remedy: &str) {
    let folder = TempDir::new().unwrap();
    let (config, text) = setup.write(folder.path());
    let said = cli("run", &config, &[]);
    let expected = format!("{}:{}: error: ", config.display(), position(&text, place));
    let found = said
        .stderr
        .lines()
        .any(|line| line.contains(&expected) && line.contains(message) && line.contains(remedy));
    assert!(said.code == 1 && found, "{expected} {message}; {remedy}\n{}\n{text}", said.stderr);
    let checked = cli("check", &config, &[]);
    assert!(
        checked.code == 1 && checked.stdout.contains(message) && checked.stdout.contains(remedy),
        "{checked:?}"
    );
}

/// Line and column of a piece of the text, from 1; of the last such piece.
fn position(text: &str, piece: &str) -> String {
    let before = &text[..text.rfind(piece).unwrap_or_else(|| panic!("no {piece} in\n{text}"))];
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{}:{column}", before.matches('\n').count() + 1)
}

#[test]
fn an_unknown_key() {
    let site = Site::new();
    assert_refused(
        &site.setup().table("metric", "listen = 1"),
        "metric]",
        "unknown key `metric`",
        "did you mean `metrics`?",
    );
    let misspelled = site.setup().table("timeout", "handshakes = \"1s\"");
    assert_refused(&misspelled, "handshakes", "unknown key `handshakes`", "did you mean `handshake`?");
}

#[test]
fn two_hosts_with_one_name() {
    let site = Site::new();
    let again = Host::new("IOT.example.com.", &site.server, &site.origin.url());
    let message = "host `iot.example.com` is already defined in line";
    assert_refused(&site.setup().host(again), "IOT.example.com.", message, "give each name one [[host]]");
}

#[test]
fn missing_files() {
    let site = Site::new();
    let (certificate, key, ca) =
        (quoted(&site.server.certificate), quoted(&site.server.key), quoted(&site.devices.path));
    let cases = [
        (&certificate, "name a PEM file"),
        (&key, "with the certificate's private key"),
        (&ca, "name a PEM file"),
    ];
    for (path, remedy) in cases {
        let setup = site.setup().replace(path, "\"nowhere/missing.pem\"");
        assert_refused(&setup, "nowhere/", "nowhere/missing.pem: No such file or directory", remedy);
    }
}

#[test]
fn malformed_pem_and_x509() {
    let site = Site::new();
    let folder = TempDir::new().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let cases = [
        (
            file("unpadded.pem", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"),
            "unpadded.pem is not valid PEM",
        ),
        (file("cut.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n"), "cut.pem is not valid PEM"),
        (file("text.pem", "hello"), "text.pem holds no certificate"),
        (
            file("zero.pem", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"),
            "certificate 1 is not valid X.509",
        ),
    ];
    for (path, message) in cases {
        let remedy = if message.contains("X.509") { "upload the CA's own" } else { "name a PEM file" };
        assert_refused(&site.setup().trust("bad", &path, &[HOST]), path.to_str().unwrap(), message, remedy);
    }
}

#[test]
fn a_key_that_is_not_the_certificates() {
    let site = Site::new();
    let setup = site.setup().replace(&quoted(&site.server.key), &quoted(&site.device.key));
    let place = site.device.key.to_str().unwrap();
    assert_refused(
        &setup,
        place,
        "the private key does not belong to the host's certificate",
        "name the key",
    );
}

#[test]
fn a_ca_file_with_a_certificate_that_is_no_ca() {
    if !skip::unless_installed("openssl") {
        return;
    }
    let site = Site::new();
    let openssl = OpenSsl::root("OpenSSL Root");
    let leaf = openssl.not_a_ca("device-1");
    // A good CA before it does not help.
    let both = leaf.with_file_name("both.pem");
    fs::write(&both, fs::read_to_string(&site.devices.path).unwrap() + &fs::read_to_string(&leaf).unwrap())
        .unwrap();
    for (path, position) in [(leaf, 1), (both, 2)] {
        let message = format!("certificate {position} (`CN=device-1`) is not a CA");
        assert_refused(
            &site.setup().trust("leaf", &path, &[HOST]),
            path.to_str().unwrap(),
            &message,
            "upload the CA's own",
        );
    }
}

#[test]
fn an_interface_that_does_not_exist_is_told_by_check() {
    let site = Site::new();
    let folder = TempDir::new().unwrap();
    let (config, _) = site.setup().table("xdp", "interfaces = [\"nowhere0\"]").write(folder.path());
    let said = cli("check", &config, &[]);
    assert!(
        said.code == 1 && said.stdout.contains("there is no interface nowhere0; `ip link` lists"),
        "{said:?}"
    );
}

#[test]
fn several_faults_are_reported_at_once() {
    let site = Site::new();
    let folder = TempDir::new().unwrap();
    let setup = site
        .setup()
        .table("timeout", "drain = \"soon\"")
        .table("server", "worker = 2")
        .replace("http://", "gopher://");
    let (config, text) = setup.write(folder.path());
    let said = cli("run", &config, &[]);
    for (place, message) in
        [("soon", "is not a length of time"), ("worker", "unknown key"), ("gopher", "an origin is http:")]
    {
        let expected = format!(":{}: error: ", position(&text, place));
        let found = said.stderr.lines().any(|line| line.contains(&expected) && line.contains(message));
        assert!(found, "{expected}{message}\n{}\n{text}", said.stderr);
    }
    let json = cli("check", &config, &["--json"]);
    let problems: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((json.code, problems.as_array().map(Vec::len)), (1, Some(3)), "{problems:#}");
    assert!(
        problems
            .as_array()
            .unwrap()
            .iter()
            .all(|problem| problem["line"].is_u64() && problem["column"].is_u64())
    );
}

#[test]
fn a_good_one_passes_and_its_warnings_are_shown() {
    let site = Site::new();
    let folder = TempDir::new().unwrap();
    let good = cli("check", &site.setup().write(folder.path()).0, &[]);
    assert_eq!((good.code, good.stdout.lines().count()), (0, 1), "{good:?}");
    let warned = cli("check", &site.untrusting().write(folder.path()).0, &[]);
    assert!(warned.code == 0 && warned.stdout.contains("trusts no CA; it verifies nobody"), "{warned:?}");
}
