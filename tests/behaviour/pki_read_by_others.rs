//! OpenSSL and cfssl read what `fleetgate pki` makes, and it reads what they make.

use fleetgate_tests::skip;
use fleetgate_tests::workbench::Workbench;
use serde_json::Value;

fn tools() -> bool {
    skip::unless_installed("openssl") && skip::unless_installed("cfssl")
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn openssl_verifies_devices_servers_and_lists_of_cas_with_any_key() {
    if !tools() {
        return;
    }
    for key in ["p256", "p384", "p521", "ed25519", "rsa2048", "rsa3072"] {
        let bench = Workbench::new();
        bench.must(&format!("fleetgate pki ca new 'Device CA' --key {key} --subject DC=com,DC=example"));
        bench.must(&format!("fleetgate pki device new pump-17 --key {key}"));
        bench.must("fleetgate pki device new pump-18 && fleetgate pki server new iot.example.com 192.0.2.7");
        bench.must("fleetgate pki crl new --revoke pump-18.pem --reason keyCompromise --format pem");
        let verify = "openssl verify -x509_strict -CAfile ca.pem -CRLfile ca.crl -crl_check";
        bench.must(&format!("{verify} -purpose sslclient pump-17.pem"));
        bench.must(&format!(
            "{verify} -purpose sslserver -verify_hostname iot.example.com iot.example.com.pem"
        ));
        bench.must(&format!("{verify} -purpose sslserver -verify_ip 192.0.2.7 iot.example.com.pem"));
        let said = bench.run(&format!("{verify} pump-18.pem"));
        assert!(said.code != 0 && said.stderr.contains("certificate revoked"), "{key}: {said:?}");
        assert!(
            bench.run("openssl crl -in ca.crl -CAfile ca.pem -noout").stderr.contains("verify OK"),
            "{key}"
        );
        let list = bench.must("openssl crl -in ca.crl -noout -text");
        for part in ["Key Compromise", "X509v3 CRL Number", "X509v3 Authority Key Identifier", "Next Update"]
        {
            assert!(list.contains(part), "{key}: {part}");
        }
        let public = |line: &str| bench.must(line);
        assert_eq!(
            public("openssl pkey -in pump-17-key.pem -pubout"),
            public("openssl x509 -in pump-17.pem -noout -pubkey"),
            "{key}"
        );
    }
}

#[test]
fn cfssl_reads_every_certificate_but_those_of_keys_that_it_does_not_know() {
    if !tools() {
        return;
    }
    for key in ["p256", "p384", "p521", "rsa2048"] {
        let bench = Workbench::new();
        bench.must(&format!("fleetgate pki ca new 'Device CA' --key {key} --subject C=US,O=Example"));
        bench.must("fleetgate pki device new pump-17 --host pump-17.example.com --days 90");
        let read = json(&bench.must("cfssl certinfo -cert pump-17.pem"));
        let own = json(&bench.must("fleetgate pki show pump-17.pem --json"));
        assert_eq!(read["subject"]["common_name"], "pump-17");
        assert_eq!(
            (&read["issuer"]["organization"], &read["sans"][0]),
            (&"Example".into(), &"pump-17.example.com".into())
        );
        assert_eq!(
            (&read["serial_number"], &read["not_after"]),
            (&own[0]["serial_decimal"], &own[0]["not_after"])
        );
        let key_id = bench.must("openssl x509 -in pump-17.pem -noout -ext authorityKeyIdentifier");
        assert!(key_id.replace(':', "").contains(own[0]["issuer_key_id"].as_str().unwrap()), "{key_id}");
        // Its key signs for cfssl, too.
        bench.write("x.json", r#"{ "CN": "x" }"#);
        bench.must("cfssl gencert -ca ca.pem -ca-key ca-key.pem x.json | cfssljson -bare x");
        bench.must("fleetgate pki verify x.pem pump-17.pem && openssl verify -CAfile ca.pem x.pem");
        assert_eq!(json(&bench.must("cfssl certinfo -csr x.csr"))["Subject"]["Names"][0]["Value"], "x");
        bench.write("y.json", r#"{ "CN": "y", "hosts": ["y.example.com"] }"#);
        bench.must("fleetgate pki gencert -ca ca.pem -ca-key ca-key.pem y.json | fleetgate pki json -bare y");
        assert_eq!(json(&bench.must("cfssl certinfo -csr y.csr"))["DNSNames"][0], "y.example.com");
        bench.must("cfssl sign -ca ca.pem -ca-key ca-key.pem y.csr | cfssljson -bare z && fleetgate pki verify z.pem");
    }
}

#[test]
fn an_intermediate_signs_and_its_devices_bring_the_chain() {
    if !tools() {
        return;
    }
    let bench = Workbench::new();
    bench.must("fleetgate pki ca new Root --path-length 2");
    bench.must("fleetgate pki ca new Line --ca ca.pem --ca-key ca-key.pem --path-length 1 --out line");
    bench.must(
        "fleetgate pki ca new Issuing --ca line.pem --ca-key line-key.pem --path-length 0 --out issuing",
    );
    bench.must("fleetgate pki device new pump-17 --ca issuing.pem --ca-key issuing-key.pem");
    let certificates = bench.read("pump-17.pem").matches("BEGIN CERTIFICATE").count();
    assert_eq!(certificates, 3, "device, issuing and line, but not the root");
    bench.must("fleetgate pki verify pump-17.pem --ca ca.pem");
    let said = bench.run("fleetgate pki verify issuing.pem --ca ca.pem");
    assert!(said.code == 1 && said.stdout.contains("a CA's certificate"), "{said:?}");
    bench.must("openssl verify -x509_strict -CAfile ca.pem -untrusted issuing.pem pump-17.pem");
    let said =
        bench.must_fail("fleetgate pki ca new Deeper --ca issuing.pem --ca-key issuing-key.pem --out deeper");
    assert!(said.contains("path length of 0"), "{said}");
    bench.must("fleetgate pki crl new --ca ca.pem --ca-key ca-key.pem --revoke line.pem --out root.crl");
    let said = bench.run("fleetgate pki verify pump-17.pem --crl root.crl");
    assert!(said.code == 1 && said.stdout.contains("a CA above it is revoked"), "{said:?}");
}

#[test]
fn keys_and_requests_of_openssl_are_read_in_every_form() {
    if !tools() {
        return;
    }
    let bench = Workbench::new();
    bench.must("fleetgate pki ca new CA");
    let made = [
        ("rsa", "openssl genrsa -traditional -out key.pem 2048"),
        ("rsa8", "openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:3072 -out key.pem"),
        ("sec1", "openssl ecparam -genkey -name secp384r1 -noout -out key.pem"),
        ("sec1-parameters", "openssl ecparam -genkey -name prime256v1 -out key.pem"),
        ("ec8", "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out key.pem"),
        ("ed25519", "openssl genpkey -algorithm ed25519 -out key.pem"),
    ];
    for (name, line) in made {
        bench.must(&format!("{line} 2>/dev/null"));
        bench.must(
            "openssl req -new -key key.pem -subj '/O=Example/OU=a/OU=b/CN=asked' -out x.csr \
             -addext subjectAltName=URI:spiffe://example.com/pump,IP:192.0.2.7",
        );
        bench.must("fleetgate pki device new pump --csr x.csr --force && fleetgate pki verify pump.pem");
        let shown = json(&bench.must("fleetgate pki show pump.pem --json"));
        assert_eq!(shown[0]["subject"], "CN=pump", "{name}: what the operator says counts");
        assert_eq!(
            shown[0]["hosts"],
            serde_json::json!(["spiffe://example.com/pump", "192.0.2.7"]),
            "{name}"
        );
        let asked = json(&bench.must("fleetgate pki show x.csr --json"));
        assert_eq!(asked[0]["subject"], "CN=asked,OU=b,OU=a,O=Example", "{name}");
        let key = json(&bench.must("fleetgate pki show key.pem --json"));
        assert_eq!((&key[0]["key"], &key[0]["kind"]), (&shown[0]["key"], &"private key".into()), "{name}");

        // A CA of OpenSSL's with this key signs here.
        bench.must(
            "openssl req -x509 -key key.pem -subj '/DC=com/DC=example/CN=Own' -days 30 -out own.pem \
             -addext basicConstraints=critical,CA:TRUE",
        );
        let own = "--ca own.pem --ca-key key.pem";
        bench.must(&format!(
            "fleetgate pki device new other {own} --force && openssl verify -CAfile own.pem other.pem"
        ));
        bench.must(&format!("fleetgate pki crl new {own} --force --revoke other.pem"));
        bench.must("openssl crl -in ca.crl -CAfile own.pem -noout");
    }
}

#[test]
fn a_request_of_cfssl_with_an_empty_host_name_gets_a_certificate_without() {
    if !tools() {
        return;
    }
    let bench = Workbench::new();
    bench.must("fleetgate pki ca new CA");
    bench.write("client.json", r#"{ "CN": "x", "hosts": [""], "key": { "algo": "ecdsa", "size": 256 } }"#);
    bench.must(
        "cfssl genkey client.json | cfssljson -bare x && openssl req -in x.csr -noout -text | grep DNS:",
    );
    bench.must("fleetgate pki device new pump --csr x.csr && fleetgate pki verify pump.pem");
    let names = bench.run("openssl x509 -in pump.pem -noout -ext subjectAltName");
    assert!(!names.stdout.contains("DNS:"), "{names:?}");
}

#[test]
fn what_cfssl_makes_is_shown_and_verified() {
    if !tools() {
        return;
    }
    let bench = Workbench::new();
    let names = r#""names": [{ "C": "US", "O": "Example", "OU": "one" }, { "OU": "two" }]"#;
    bench.write("ca.json", format!(r#"{{ "CN": "CA", {names}, "ca": {{ "pathlen": 1 }} }}"#));
    bench.write(
        "x.json",
        r#"{ "CN": "x", "hosts": ["x.example.com"], "key": { "algo": "rsa", "size": 2048 } }"#,
    );
    bench.must("cfssl gencert -initca ca.json | cfssljson -bare ca");
    bench.must("cfssl gencert -ca ca.pem -ca-key ca-key.pem x.json | cfssljson -bare x");
    bench.must("fleetgate pki verify x.pem && fleetgate pki verify x.pem --server x.example.com");
    let said = bench.run("fleetgate pki verify x.pem --server y.example.com");
    assert!(said.code == 1 && said.stdout.contains("not for `y.example.com`"), "{said:?}");
    let [ca, x, csr] = ["ca.pem", "x.pem", "x.csr"]
        .map(|file| json(&bench.must(&format!("fleetgate pki show {file} --json")))[0].clone());
    assert_eq!((&ca["ca"], &ca["subject"]), (&"yes, path length 1".into(), &x["issuer"]));
    assert_eq!((&x["hosts"], &csr["hosts"]), (&serde_json::json!(["x.example.com"]), &x["hosts"]));
    let info = json(&bench.must("cfssl certinfo -cert x.pem"));
    assert_eq!(info["serial_number"], x["serial_decimal"]);
    // Units that share a part of the name are kept, and the device verifies with OpenSSL.
    bench.must("fleetgate pki device new pump && openssl verify -CAfile ca.pem pump.pem");
    bench.must("echo $(openssl x509 -in x.pem -noout -serial | cut -d= -f2) > hex.txt");
    bench.must("fleetgate pki gencrl hex.txt ca.pem ca-key.pem > ca.crl");
    let said = bench.run("fleetgate pki verify x.pem pump.pem --crl ca.crl");
    assert!(
        said.code == 1
            && said.stdout.contains("x.pem: BAD: revoked")
            && said.stdout.contains("pump.pem: good"),
        "{said:?}"
    );
    let decimal = info["serial_number"].as_str().unwrap();
    bench.must(&format!(
        "echo {decimal} > serials.txt && cfssl gencrl serials.txt ca.pem ca-key.pem > cfssl.crl"
    ));
    let shown = bench.must("fleetgate pki crl show cfssl.crl --ca ca.pem");
    assert!(shown.contains(decimal) && shown.contains("good"), "{shown}");
}
