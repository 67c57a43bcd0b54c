//! What `fleetgate pki` makes of a request is what cfssl makes of it: field by field, but for serial numbers, dates and what
//! RFC 5280 forbids.

use fleetgate_tests::skip;
use fleetgate_tests::workbench::Workbench;
use serde_json::Value;

const CONFIG: &str = r#"{ "signing": {
    "default": { "expiry": "8760h", "crl_url": "http://crl.example.com/ca.crl" },
    "profiles": {
        "client": { "usages": ["signing", "key encipherment", "client auth"], "expiry": "24h" },
        "server": { "usages": ["signing", "key encipherment", "server auth"], "expiry": "48h",
                    "ocsp_url": "http://ocsp.example.com", "issuer_urls": ["http://ca.example.com/ca.cer"] },
        "ca": { "usages": ["cert sign", "crl sign"], "expiry": "72h",
                "ca_constraint": { "is_ca": true, "max_path_len": 2 } }
    } } }"#;

const RSA: &str = r#""key": { "algo": "rsa", "size": 2048 }"#;

/// The parts of a certificate that say what was asked for.
fn facts(bench: &Workbench, file: &str) -> String {
    let extensions =
        "basicConstraints,keyUsage,extendedKeyUsage,subjectAltName,crlDistributionPoints,authorityInfoAccess";
    let line = format!(
        "openssl x509 -in {file} -noout -nameopt RFC2253,show_type -subject -issuer -ext {extensions}"
    );
    let algorithms =
        format!("openssl x509 -in {file} -noout -text | grep -e 'Signature Algorithm' -e 'Public-Key'");
    let text = bench.run(&line).stdout + &bench.must(&algorithms);
    let lines: std::collections::BTreeSet<_> = text.lines().map(str::trim).collect();
    lines.into_iter().collect::<Vec<_>>().join("\n")
}

/// The life of a certificate in seconds.
fn life(bench: &Workbench, file: &str) -> String {
    bench.must(&format!(
        "echo $(( $(date +%s -d \"$(openssl x509 -in {file} -noout -enddate | cut -d= -f2)\") \
         - $(date +%s -d \"$(openssl x509 -in {file} -noout -startdate | cut -d= -f2)\") ))"
    ))
}

fn label(pem: &str) -> &str {
    pem.lines().next().unwrap()
}

/// Runs a line with each tool, and compares.
fn compare(bench: &Workbench, arguments: &str) {
    let made = ["cfssl", "fleetgate pki"].map(|tool| {
        let json: Value = serde_json::from_str(&bench.must(&format!("{tool} gencert {arguments}"))).unwrap();
        let (name, keys) =
            (tool.split(' ').next().unwrap(), json.as_object().unwrap().keys().cloned().collect::<Vec<_>>());
        bench.write(&format!("{name}.pem"), json["cert"].as_str().unwrap());
        bench.write(&format!("{name}.csr"), json["csr"].as_str().unwrap());
        let csr = bench.must(&format!("openssl req -in {name}.csr -noout -verify -subject 2>&1"));
        let labels = ["cert", "csr", "key"].map(|part| label(json[part].as_str().unwrap()).to_owned());
        (keys, labels, csr, facts(bench, &format!("{name}.pem")), life(bench, &format!("{name}.pem")))
    });
    let [cfssl, fleetgate] = made;
    assert_eq!(fleetgate, cfssl, "{arguments}");
}

#[test]
fn requests_of_every_kind_give_the_same_certificates() {
    if !skip::unless_installed("cfssl") || !skip::unless_installed("openssl") {
        return;
    }
    let bench = Workbench::new();
    bench.write("config.json", CONFIG);
    let ca = format!(
        r#"{{ "CN": "CA", {RSA}, "names": [{{ "C": "US", "O": "Example", "OU": "one" }}, {{ "OU": "two" }}] }}"#
    );
    bench.write("ca.json", ca);
    bench.must("cfssl gencert -initca ca.json | cfssljson -bare ca");
    let requests = [
        ("plain", format!(r#"{{ "CN": "device", {RSA} }}"#)),
        (
            "names",
            format!(
                r#"{{ "CN": "Zürich", "names": [{{ "C": "CH", "ST": "ZH", "L": "Zürich", "O": "A & B" }}], {RSA} }}"#
            ),
        ),
        (
            "units",
            format!(r#"{{ "CN": "x", "names": [{{ "OU": "b" }}, {{ "OU": "a", "O": "c" }}], {RSA} }}"#),
        ),
        (
            "hosts",
            format!(
                r#"{{ "CN": "x", "hosts": ["a.example.com", "*.example.com", "192.0.2.7", "2001:db8::1", "a@example.com"], {RSA} }}"#
            ),
        ),
        ("ecdsa", r#"{ "CN": "x", "key": { "algo": "ecdsa", "size": 384 } }"#.to_owned()),
        ("usual", r#"{ "CN": "x" }"#.to_owned()),
        ("ca-section", format!(r#"{{ "CN": "x", {RSA}, "ca": {{ "expiry": "1000h", "pathlen": 3 }} }}"#)),
        ("ca-zero", format!(r#"{{ "CN": "x", {RSA}, "ca": {{ "pathlenzero": true }} }}"#)),
    ];
    for (name, request) in &requests {
        bench.write(&format!("{name}.json"), request);
    }
    for (profile, name) in [
        ("client", "plain"),
        ("client", "names"),
        ("client", "units"),
        ("server", "hosts"),
        ("server", "ecdsa"),
        ("ca", "plain"),
    ] {
        compare(
            &bench,
            &format!("-ca ca.pem -ca-key ca-key.pem -config config.json -profile {profile} {name}.json"),
        );
    }
    compare(&bench, "-ca ca.pem -ca-key ca-key.pem usual.json");
    compare(
        &bench,
        "-ca=ca.pem -ca-key=ca-key.pem -hostname=b.example.com,192.0.2.8 -cn other - < plain.json",
    );
    for name in ["plain", "names", "ecdsa", "ca-section", "ca-zero"] {
        compare(&bench, &format!("-initca {name}.json"));
    }
}

#[test]
fn a_ca_is_made_anew_from_its_key() {
    let bench = Workbench::new();
    bench.write("ca.json", r#"{ "CN": "CA", "ca": { "expiry": "1000h", "pathlen": 1 } }"#);
    bench.must("fleetgate pki gencert -initca ca.json | fleetgate pki json -bare ca");
    bench.write("other.json", r#"{ "CN": "CA 2" }"#);
    let json: Value =
        serde_json::from_str(&bench.must("fleetgate pki gencert -initca -ca-key ca-key.pem other.json"))
            .unwrap();
    assert!(json["key"].is_null() && json["csr"].is_string());
    let json: Value =
        serde_json::from_str(&bench.must("fleetgate pki gencert -renewca -ca ca.pem -ca-key ca-key.pem"))
            .unwrap();
    bench.write("renewed.pem", json["cert"].as_str().unwrap());
    let show = |file: &str| -> Value {
        serde_json::from_str(&bench.must(&format!("fleetgate pki show {file} --json"))).unwrap()
    };
    let (old, renewed) = (show("ca.pem")[0].clone(), show("renewed.pem")[0].clone());
    for field in ["subject", "key_id", "ca", "usages"] {
        assert_eq!(old[field], renewed[field], "{field}");
    }
    assert_eq!(old["ca"], "yes, path length 1");
    assert_ne!(old["serial"], renewed["serial"]);
}

#[test]
fn the_ca_may_come_from_the_environment_and_its_key_have_cfssls_passphrase() {
    let bench = Workbench::new();
    bench.write("x.json", r#"{ "CN": "x" }"#);
    bench.must("PASS=secret fleetgate pki ca new CA --encrypt-env PASS");
    let line = "gencert -loglevel 2 -ca env:CERT -ca-key file:ca-key.pem x.json";
    let said = bench.must_fail(&format!("CERT=$(cat ca.pem) fleetgate pki {line}"));
    assert!(said.contains("ca-key.pem") && said.contains("passphrase"), "{said}");
    bench.must(&format!("CERT=$(cat ca.pem) CFSSL_CA_PK_PASSWORD=secret fleetgate pki {line}"));
    bench.must("echo 1A | CFSSL_CA_PK_PASSWORD=secret fleetgate pki gencrl - ca.pem ca-key.pem 3600");
}
