//! A CA's key in a token: it signs there, never leaves it, and what it signs is as good as any.

use std::path::Path;

use fleetgate_tests::skip;
use fleetgate_tests::workbench::Workbench;

/// Where Debian has the library.
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// A folder with a software token called `CA` in it, and its PIN in `pin.txt`.
fn bench() -> Option<Workbench> {
    if !skip::unless_installed("softhsm2-util") || !skip::unless_installed("openssl") {
        return None;
    }
    assert!(Path::new(MODULE).exists());
    let bench = Workbench::new();
    bench.write("pin.txt", "4711\n");
    bench.must("mkdir tokens");
    bench.write(
        "softhsm.conf",
        "directories.tokendir = tokens\nobjectstore.backend = file\nlog.level = ERROR\n",
    );
    bench.must(&with("softhsm2-util --init-token --free --label CA --so-pin 123456 --pin 4711"));
    Some(bench)
}

/// A line that finds the token.
fn with(line: &str) -> String {
    format!("export SOFTHSM2_CONF=softhsm.conf FLEETGATE_PKCS11_MODULE={MODULE}; {line}")
}

/// Puts a new key into the token; no file has it afterwards.
fn put(bench: &Workbench, label: &str, id: &str, genpkey: &str) {
    bench.must(&with(&format!(
        "openssl genpkey {genpkey} -out {label}.p8 2>/dev/null && \
         softhsm2-util --import {label}.p8 --token CA --label {label} --id {id} --pin 4711 && rm {label}.p8"
    )));
}

#[test]
fn keys_of_every_kind_sign_in_the_token() {
    let Some(bench) = bench() else { return };
    let kinds = [
        ("p256", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "ecdsa-with-SHA256"),
        ("p384", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "ecdsa-with-SHA384"),
        ("p521", "-algorithm EC -pkeyopt ec_paramgen_curve:P-521", "ecdsa-with-SHA512"),
        ("rsa", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "sha256WithRSAEncryption"),
        ("ed25519", "-algorithm ED25519", "ED25519"),
    ];
    for (index, (label, genpkey, signature)) in kinds.into_iter().enumerate() {
        put(&bench, label, &format!("0{index}"), genpkey);
        let key = format!("'pkcs11:token=CA;object={label}?pin-source=pin.txt'");
        let ca = format!("--ca {label}.pem --ca-key {key}");
        bench.must(&with(&format!("fleetgate pki ca new {label} --use-key {key} --out {label}")));
        assert!(!bench.path(&format!("{label}-key.pem")).exists());
        bench.must(&with(&format!("fleetgate pki device new pump --out {label}-pump {ca}")));
        bench.must(&format!("openssl verify -x509_strict -CAfile {label}.pem {label}-pump.pem"));
        let text = bench.must(&format!("openssl x509 -in {label}-pump.pem -noout -text"));
        assert!(text.contains(&format!("Signature Algorithm: {signature}")), "{text}");
        bench.must(&with(&format!("fleetgate pki crl new {ca} --revoke {label}-pump.pem --out {label}.crl")));
        bench.must(&format!(
            "openssl crl -in {label}.crl -inform DER -CAfile {label}.pem -noout 2>&1 | grep 'verify OK'"
        ));
    }
}

#[test]
fn threads_and_the_arguments_of_cfssl_use_it_too() {
    let Some(bench) = bench() else { return };
    put(&bench, "root", "01", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    let key = "'pkcs11:token=CA;id=%01?pin-source=file:pin.txt'";
    bench.write("ca.json", r#"{ "CN": "Device CA" }"#);
    bench.write("serials.txt", "0x0a\n");
    bench.must(&with(&format!(
        "fleetgate pki gencert -initca -ca-key {key} ca.json | fleetgate pki json -bare ca"
    )));
    bench.must(&with(
        "CFSSL_CA_PK_PASSWORD=4711 fleetgate pki gencert -ca ca.pem -ca-key 'pkcs11:object=root' ca.json | \
         fleetgate pki json -bare leaf",
    ));
    bench.must("openssl verify -CAfile ca.pem leaf.pem");
    bench.must(&with(&format!("fleetgate pki gencrl serials.txt ca.pem {key} | base64 -d > ca.crl")));
    bench.must("openssl crl -in ca.crl -inform DER -CAfile ca.pem -noout 2>&1 | grep 'verify OK'");
    bench.must(&with(&format!("fleetgate pki fleet --count 50 --out fleet --ca-key {key}")));
    bench.must("openssl verify -CAfile ca.pem fleet/device-*[0-9].pem");
}

#[test]
fn what_is_wrong_is_told_and_the_pin_is_not() {
    let Some(bench) = bench() else { return };
    put(&bench, "root", "01", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    put(&bench, "other", "02", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    let root = "'pkcs11:object=root?pin-value=4711'";
    bench.must(&with(&format!("fleetgate pki ca new CA --use-key {root}")));
    for (uri, why) in [
        ("pkcs11:token=Other?pin-value=4711", "there are: `CA`"),
        ("pkcs11:object=nobody?pin-value=4711", "no private key"),
        ("pkcs11:token=CA?pin-value=4711", "several private keys"),
        ("pkcs11:object=root?pin-value=9999", "does not take this PIN"),
        ("pkcs11:object=root?pin-source=none.txt", "none.txt"),
        ("pkcs11:object=root", "--passphrase-file"),
        ("pkcs11:object=other?pin-value=4711", "is not that of the CA"),
        ("pkcs11:object=root;kind=x?pin-value=4711", "`kind` is not known"),
        ("pkcs11:object=root?module-path=/none.so&pin-value=4711", "/none.so"),
    ] {
        let said =
            bench.must_fail(&with(&format!("fleetgate pki device new pump --ca-key '{uri}' < /dev/null")));
        assert!(said.contains(why), "{uri}: {said}");
        assert!(!said.contains("4711") && !said.contains("9999"), "{uri}: {said}");
    }
    let said = bench.must_fail(&format!("fleetgate pki device new pump --ca-key {root}"));
    assert!(said.contains("module-path=") && said.contains("FLEETGATE_PKCS11_MODULE"), "{said}");
    bench.must(&with("fleetgate pki device new pump --ca-key pkcs11:object=root --passphrase-file pin.txt"));
}
