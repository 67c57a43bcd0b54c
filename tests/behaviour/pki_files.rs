//! Keys are for their owner alone, nothing is overwritten unasked, and a CA's key may have a passphrase.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use fleetgate_tests::skip;
use fleetgate_tests::workbench::Workbench;

fn mode(bench: &Workbench, name: &str) -> u32 {
    fs::metadata(bench.path(name)).unwrap().permissions().mode() & 0o777
}

#[test]
fn keys_can_be_read_by_their_owner_alone_whatever_the_umask() {
    let bench = Workbench::new();
    bench.write("x.json", r#"{ "CN": "x" }"#);
    bench.must("umask 0; fleetgate pki ca new CA && fleetgate pki device new pump && fleetgate pki server new a.example");
    bench.must("umask 0; fleetgate pki gencert -initca x.json | fleetgate pki json -bare x");
    for name in ["ca-key.pem", "pump-key.pem", "a.example-key.pem", "x-key.pem"] {
        assert_eq!(mode(&bench, name), 0o600, "{name}");
    }
    for name in ["ca.pem", "pump.pem", "x.pem", "x.csr"] {
        assert_eq!(mode(&bench, name), 0o644, "{name}");
    }
}

#[test]
fn what_exists_is_left_as_it_is_unless_force_is_given() {
    let bench = Workbench::new();
    bench.must("fleetgate pki ca new CA && fleetgate pki device new pump && fleetgate pki crl new");
    bench.write("x.json", r#"{ "CN": "x" }"#);
    let verbs = [
        ("fleetgate pki ca new CA", "--force", "ca-key.pem"),
        ("fleetgate pki device new pump", "--force", "pump.pem"),
        ("fleetgate pki crl new", "--force", "ca.crl"),
        (
            "fleetgate pki gencert -loglevel 5 -initca x.json | fleetgate pki json -bare pump",
            "-force",
            "pump-key.pem",
        ),
    ];
    // A certificate that stands alone protects its name, too.
    for (line, force, file) in verbs {
        let before = bench.bytes(file);
        let said = bench.must_fail(line);
        assert!(said.contains("exists, and is left as it is") && said.contains("--force"), "{line}: {said}");
        assert_eq!(bench.bytes(file), before, "{line}");
        fs::set_permissions(bench.path(file), fs::Permissions::from_mode(0o666)).unwrap();
        bench.must(&format!("{line} {force}"));
        assert_ne!(bench.bytes(file), before, "{line}");
        assert_ne!(mode(&bench, file) & 0o022, 0o022, "{line}: the old file's mode is not kept");
    }
    assert_eq!(bench.must("ls -A | grep -c new || true").trim(), "0", "no temporary file is left");
}

#[test]
fn a_ca_key_with_a_passphrase_signs_with_it_and_openssl_opens_it() {
    if !skip::unless_installed("openssl") {
        return;
    }
    let bench = Workbench::new();
    bench.write("secret.txt", "correct horse\n");
    bench.must("fleetgate pki ca new CA --encrypt-file secret.txt");
    assert!(bench.read("ca-key.pem").starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    bench.must("fleetgate pki device new pump --passphrase-file secret.txt");
    bench.must("PASS='correct horse' fleetgate pki crl new --passphrase-env PASS");
    bench.must("openssl pkey -in ca-key.pem -passin file:secret.txt -noout");
    let said = bench.must_fail("fleetgate pki device new other < /dev/null");
    assert!(
        said.contains("ca-key.pem: the key has a passphrase") && said.contains("--passphrase-file"),
        "{said}"
    );
    let said = bench.must_fail("PASS=wrong fleetgate pki device new other --passphrase-env PASS");
    assert!(said.contains("ca-key.pem: the passphrase is wrong"), "{said}");
    let said = bench.must_fail("PASS= fleetgate pki ca new Empty --out empty --encrypt-env PASS");
    assert!(said.contains("empty"), "{said}");
    assert!(!bench.path("empty.pem").exists());
    // And the other way: what OpenSSL encrypts.
    for cipher in ["-aes-256-cbc", "-aes-128-cbc"] {
        bench.must(&format!(
            "openssl pkcs8 -topk8 -v2 {} -in ca-key.pem -passin file:secret.txt -passout pass:new -out new-key.pem",
            &cipher[1..]
        ));
        bench.must(
            "PASS=new fleetgate pki device new other --ca-key new-key.pem --passphrase-env PASS --force",
        );
    }
    bench.must("openssl rsa -help >/dev/null 2>&1; openssl genrsa -traditional -aes256 -passout pass:x -out old.pem 2048 2>/dev/null");
    let said = bench
        .must_fail("PASS=x fleetgate pki device new other --ca-key old.pem --passphrase-env PASS --force");
    assert!(said.contains("old.pem") && said.contains("openssl pkcs8 -topk8"), "{said}");
    assert!(bench.must("fleetgate pki show ca-key.pem").contains("encrypted"));
}
