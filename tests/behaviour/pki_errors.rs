//! What is wrong with a file, an argument or a key is told with its name; nothing is written then.

use fleetgate_tests::skip;
use fleetgate_tests::workbench::Workbench;

const SIGN: &str = "fleetgate pki gencert -loglevel 5 -ca ca.pem -ca-key ca-key.pem";

fn bench() -> Workbench {
    let bench = Workbench::new();
    bench.write("config.json", include_str!("../../xtask/src/run/document/ca-config.json"));
    bench.write("x.json", r#"{ "CN": "x" }"#);
    bench.must(
        "fleetgate pki ca new CA && fleetgate pki ca new Other --out other && fleetgate pki device new pump",
    );
    bench
}

#[track_caller]
fn assert_told(bench: &Workbench, line: &str, parts: &[&str]) {
    let said = bench.must_fail(line);
    for part in parts {
        assert!(said.contains(part), "{line}: {part} is not in {said}");
    }
    assert!(said.starts_with("fleetgate: ") && said.lines().count() == 1, "{line}: {said}");
}

#[test]
fn requests_that_cannot_be_granted_name_their_file_and_field() {
    let bench = bench();
    let cases = [
        ("{\n  \"CN\": \"x\",\n}", "x.json: line 3, column 1: "),
        (r#"{ "key": { "algo": "dsa", "size": 2048 } }"#, "x.json: key.algo: unknown algorithm `dsa`"),
        (
            r#"{ "key": { "algo": "rsa", "size": 1024 } }"#,
            "x.json: key.size: an RSA key of 1024 bits is too weak",
        ),
        (r#"{ "hosts": ["a b"] }"#, "x.json: hosts[0]: `a b`"),
        (r#"{ "CN": "x", "ca": {} }"#, "x.json: ca: this section is for -initca only"),
        ("", "x.json: line 1"),
    ];
    for (text, expected) in cases {
        bench.write("x.json", text);
        assert_told(&bench, &format!("{SIGN} x.json"), &[expected]);
    }
    bench.write("x.json", "{}");
    assert_told(
        &bench,
        "fleetgate pki gencert -loglevel 5 -initca x.json",
        &["x.json: CN and names are missing"],
    );
    assert_told(&bench, &format!("{SIGN} missing.json"), &["cannot read missing.json"]);
    assert_told(&bench, &format!("echo '{{' | {SIGN} -"), &["standard input: line"]);
}

#[test]
fn profiles_that_are_not_there_or_cannot_be_used_are_told_with_those_that_are() {
    let bench = bench();
    let sign = format!("{SIGN} -config config.json");
    assert_told(
        &bench,
        &format!("{sign} -profile clients x.json"),
        &["config.json: ", "`clients`", "client, server"],
    );
    assert_told(
        &bench,
        &format!("{sign} x.json"),
        &["config.json: signing.default has no usages", "client, server"],
    );
    bench.write("config.json", r#"{ "signing": { "default": { "expiry": "1d" } } }"#);
    assert_told(&bench, &format!("{sign} x.json"), &["config.json: signing.default.expiry: `1d`"]);
    bench.write("config.json", "{\n\"signing\": {,");
    assert_told(&bench, &format!("{sign} x.json"), &["config.json: line 2, column 13"]);
}

#[test]
fn a_ca_that_is_none_and_a_key_of_another_are_told_with_their_files() {
    let bench = bench();
    let cases: [(&str, &str, &[&str]); 6] = [
        ("pump.pem", "pump-key.pem", &["pump.pem: ", "CN=pump", "is not a CA"]),
        ("ca.pem", "other-key.pem", &["other-key.pem: the key is not that of the CA in ca.pem"]),
        ("ca-key.pem", "ca-key.pem", &["ca-key.pem holds no certificate"]),
        ("ca.pem", "ca.pem", &["ca.pem holds no private key"]),
        ("ca.pem", "missing.pem", &["cannot read missing.pem"]),
        ("missing.pem", "ca-key.pem", &["cannot read missing.pem"]),
    ];
    bench.write("serials", "AB\n");
    for (ca, key, expected) in cases {
        let files = [
            format!("fleetgate pki gencert -loglevel 5 -ca {ca} -ca-key {key} x.json"),
            format!("fleetgate pki gencrl serials {ca} {key}"),
            format!("fleetgate pki device new other --ca {ca} --ca-key {key}"),
            format!("fleetgate pki crl new --ca {ca} --ca-key {key}"),
        ];
        for line in files {
            assert_told(&bench, &line, expected);
        }
    }
    assert!(!bench.path("other-device.pem").exists() && !bench.path("ca.crl").exists());
    assert_told(&bench, "fleetgate pki gencert -loglevel 5 -ca-key ca-key.pem x.json", &["-ca"]);
    assert_told(&bench, "fleetgate pki gencert -loglevel 5 -ca ca.pem x.json", &["-ca-key"]);
    for line in [
        "gencert -remote host x.json",
        "gencrl -remote a b c",
        "json -remote x",
        "gencert -initca=maybe x.json",
    ] {
        let said = bench.run(&format!("fleetgate pki {line}"));
        // As of cfssl, and of every verb here that is given what it does not know.
        assert!(said.code == 2 && said.stderr.starts_with("fleetgate: "), "{line}: {said:?}");
    }
}

#[test]
fn a_weak_ca_is_not_signed_with() {
    if !skip::unless_installed("openssl") {
        return;
    }
    let bench = bench();
    bench.must(
        "openssl req -x509 -newkey rsa:1024 -nodes -subj /CN=Weak -days 30 -keyout weak-key.pem -out weak.pem \
         -addext basicConstraints=critical,CA:TRUE 2>/dev/null",
    );
    let parts = ["2048 bits"];
    assert_told(&bench, "fleetgate pki device new x --ca weak.pem --ca-key weak-key.pem", &parts);
    bench.must(
        "openssl req -new -newkey rsa:1024 -nodes -subj /CN=x -keyout x-key.pem -out x.csr 2>/dev/null",
    );
    assert_told(&bench, "fleetgate pki device new x --csr x.csr", &["x.csr: ", "1024 bits"]);
}

#[test]
fn names_that_nobody_could_read_are_refused() {
    let bench = bench();
    assert_told(&bench, "fleetgate pki device new x --subject C=Germany", &["C: `Germany`"]);
    assert_told(&bench, &format!("fleetgate pki device new {}", "n".repeat(65)), &["CN: ", "65 characters"]);
    assert_told(&bench, "fleetgate pki device new a/b", &["--out"]);
    assert_told(&bench, "fleetgate pki server new 'not a host'", &["`not a host`"]);
    for name in ["a_b.example", "iot.example.com:8443", "'*.com'", "https://iot.example.com", "a@example.com"]
    {
        let named = format!("`{}`", name.trim_matches('\''));
        assert_told(&bench, &format!("fleetgate pki server new {name} --out server"), &[&named]);
    }
    for verb in
        ["ca new x", "device new x", "server new x", "fleet --out x --count 1", "crl new", "crl add ca.crl"]
    {
        let said = bench.run(&format!("fleetgate pki {verb} --days 0"));
        assert!(said.code == 2 && said.stderr.contains("--days"), "{verb}: {said:?}");
    }
    assert_eq!(bench.must("ls | grep -e server -e '^x' -e crl || true").trim(), "x.json");
    assert_told(&bench, "fleetgate pki crl new --revoke other.pem", &["other.pem: ", "CN=Other"]);
}

#[test]
fn what_json_is_given_and_cannot_use_is_told_without_its_words() {
    let bench = Workbench::new();
    assert_told(&bench, "fleetgate pki json -bare x < /dev/null", &["standard input is empty"]);
    assert_told(
        &bench,
        "echo '{\"key\": 7, \"cert\": \"SECRET\"}' | fleetgate pki json -bare x",
        &["line 1, column"],
    );
    assert!(
        !bench
            .must_fail("echo '{\"key\": \"SECRET\", \"cert\": 7}' | fleetgate pki json -bare x")
            .contains("SECRET")
    );
    assert_told(&bench, "echo '{}' | fleetgate pki json -bare x", &["no cert, key or csr"]);
    let answer = r#"{"success":false,"result":null,"errors":[{"code":1,"message":"no luck"}],"messages":[]}"#;
    assert_told(&bench, &format!("echo '{answer}' | fleetgate pki json x"), &["no luck"]);
    assert_eq!(bench.must("ls"), "");
}
