//! Certificates and CRLs are what RFC 5280 asks for, field by field, by the Python packages `cryptography` and `asn1crypto`.

use fleetgate_tests::python;
use fleetgate_tests::workbench::Workbench;

/// What the script finds wrong with files of which the first is the CA's.
fn problems(bench: &Workbench, files: &[&str]) -> Option<String> {
    let interpreter = python::interpreter()?;
    let mut command = python::script(&interpreter, "rfc5280.py");
    command.args(files.iter().map(|file| bench.path(file)));
    Some(python::output(&mut command).trim().to_owned())
}

#[test]
fn every_field_is_as_the_standard_asks() {
    for key in ["p256", "p384", "p521", "ed25519", "rsa2048", "rsa4096"] {
        let bench = Workbench::new();
        bench
            .must(&format!("fleetgate pki ca new Root --key {key} --subject C=US,O=Example --path-length 1"));
        bench.must(
            "fleetgate pki ca new Issuing --ca ca.pem --ca-key ca-key.pem --path-length 0 --out issuing",
        );
        bench.must("fleetgate pki device new pump-17 --host urn:x:y --crl-url http://crl.example/ca.crl");
        bench.must(&format!(
            "fleetgate pki server new iot.example.com 192.0.2.7 --key {key} --subject O=Zürich"
        ));
        bench.must("fleetgate pki server new $(printf 'a%.0s' $(seq 60)).example.com --days 9000 --out long 2>/dev/null");
        bench.must("fleetgate pki device new pump-18 --subject 'C=CH,O=Zürich AG,OU=a,OU=b,DC=example,serialNumber=A-1,emailAddress=a@example.com'");
        bench.must("fleetgate pki crl new --out empty.crl && fleetgate pki crl new --out late.crl --days 9000 --serial 0F");
        bench.must("fleetgate pki crl new --revoke pump-17.pem --reason unspecified && fleetgate pki crl add ca.crl --serial AB --reason superseded");
        let files = [
            "ca.pem",
            "issuing.pem",
            "pump-17.pem",
            "pump-18.pem",
            "iot.example.com.pem",
            "long.pem",
            "empty.crl",
            "late.crl",
            "ca.crl",
        ];
        let Some(problems) = problems(&bench, &files) else { return };
        assert_eq!(problems, "", "{key}");
    }
}

#[test]
fn those_made_from_cfssls_files_are_too() {
    let bench = Workbench::new();
    bench.write("config.json", include_str!("../../xtask/src/run/document/ca-config.json"));
    bench.write(
        "client.json",
        include_str!("../../xtask/src/run/document/client-csr.json").replace("4096", "2048"),
    );
    bench.write(
        "ca.json",
        r#"{ "CN": "CA", "ca": { "expiry": "300000h" }, "key": { "algo": "rsa", "size": 2048 } }"#,
    );
    bench.must("fleetgate pki gencert -initca ca.json | fleetgate pki json -bare ca");
    let sign =
        "fleetgate pki gencert -ca ca.pem -ca-key ca-key.pem -config config.json -profile client client.json";
    bench.must(&format!("{sign} | fleetgate pki json -bare client"));
    bench.must("echo AB | fleetgate pki gencrl - ca.pem ca-key.pem | base64 -d > ca.crl");
    let Some(problems) = problems(&bench, &["ca.pem", "client.pem", "ca.crl"]) else { return };
    assert_eq!(problems, "");
}
