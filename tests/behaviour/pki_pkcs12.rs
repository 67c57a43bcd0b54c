//! PKCS #12 files: OpenSSL opens them, with the passphrase alone, and finds what was put in.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use fleetgate_tests::skip;
use fleetgate_tests::workbench::Workbench;

/// A folder with a CA, a device and a passphrase; nothing where there is no OpenSSL.
fn bench() -> Option<Workbench> {
    let bench = skip::unless_installed("openssl").then(Workbench::new)?;
    bench.write("secret.txt", "correct horse\n");
    bench.must("fleetgate pki ca new 'Device CA' && fleetgate pki device new pump-17");
    Some(bench)
}

#[test]
fn openssl_finds_key_certificate_and_chain() {
    let Some(bench) = bench() else { return };
    bench.must("fleetgate pki pkcs12 --cert pump-17.pem --encrypt-file secret.txt --ca ca.pem");
    assert_eq!(fs::metadata(bench.path("pump-17.p12")).unwrap().permissions().mode() & 0o777, 0o600);
    let open = "openssl pkcs12 -in pump-17.p12 -passin file:secret.txt";
    bench.must(&format!("{open} -clcerts -nokeys | openssl x509 | cmp - pump-17.pem"));
    bench.must(&format!("{open} -cacerts -nokeys | openssl x509 | cmp - ca.pem"));
    bench.must(&format!("cmp <({open} -nocerts -noenc | openssl pkey) pump-17-key.pem"));
    let said = bench.must(&format!("{open} -info -noenc 2>&1"));
    for part in ["friendlyName: pump-17", "AES-256-CBC", "PRF hmacWithSHA256", "MAC: sha256"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    bench.must_fail("openssl pkcs12 -in pump-17.p12 -passin pass:wrong -noout");
}

#[test]
fn old_systems_get_what_they_know() {
    let Some(bench) = bench() else { return };
    bench.must(
        "PASS=x fleetgate pki pkcs12 --cert pump-17.pem --legacy --encrypt-env PASS --out old.p12 --name Old",
    );
    let said = bench.must("openssl pkcs12 -in old.p12 -passin pass:x -info -noenc 2>&1");
    for part in ["friendlyName: Old", "pbeWithSHA1And3-KeyTripleDES-CBC", "MAC: sha1"] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn every_device_of_a_fleet_has_one_also_where_it_was_made_before() {
    let Some(bench) = bench() else { return };
    bench.must("fleetgate pki fleet --count 2 --out fleet");
    bench.must("fleetgate pki fleet --count 3 --out fleet --pkcs12 --encrypt-file secret.txt");
    for number in 1..=3 {
        let open = format!("openssl pkcs12 -in fleet/device-{number}.p12 -passin file:secret.txt");
        bench.must(&format!("{open} -clcerts -nokeys | openssl x509 | cmp - fleet/device-{number}.pem"));
        bench.must(&format!("cmp <({open} -nocerts -noenc | openssl pkey) fleet/device-{number}-key.pem"));
    }
}

#[test]
fn what_does_not_belong_together_makes_none() {
    let Some(bench) = bench() else { return };
    let said =
        bench.must_fail("fleetgate pki pkcs12 --cert pump-17.pem --key ca-key.pem --encrypt-file secret.txt");
    assert!(said.contains("ca-key.pem: the key is not that of the certificate"), "{said}");
    let said = bench
        .must_fail("fleetgate pki pkcs12 --cert pump-17-key.pem --key ca-key.pem --encrypt-file secret.txt");
    assert!(said.contains("pump-17-key.pem"), "{said}");
    bench.write("empty.txt", "\n");
    let said = bench.must_fail("fleetgate pki pkcs12 --cert pump-17.pem --encrypt-file empty.txt");
    assert!(said.contains("the passphrase is empty"), "{said}");
    assert!(!bench.path("pump-17.p12").exists());
    bench.write("pump-17.p12", "mine");
    let line = "fleetgate pki pkcs12 --cert pump-17.pem --encrypt-file secret.txt";
    assert!(bench.must_fail(line).contains("exists"));
    assert_eq!(bench.read("pump-17.p12"), "mine");
    bench.must(&format!("{line} --force"));
    // The key's own passphrase is another one.
    bench.must("openssl pkcs8 -topk8 -in pump-17-key.pem -passout pass:other -out locked.pem");
    bench.must(&format!("PASS=other {line} --key locked.pem --passphrase-env PASS --out second.p12"));
}
