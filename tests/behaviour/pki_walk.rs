//! The product document's commands work with the program's name replaced, and with its own files.

use fleetgate::device::identity::{Fingerprint, Identity};
use fleetgate_tests::skip;
use fleetgate_tests::workbench::Workbench;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

const FILES: [(&str, &str); 3] = [
    ("ca-csr.json", include_str!("../../xtask/src/run/document/ca-csr.json")),
    ("ca-config.json", include_str!("../../xtask/src/run/document/ca-config.json")),
    ("client-csr.json", include_str!("../../xtask/src/run/document/client-csr.json")),
];

#[test]
fn the_documents_commands_make_what_the_document_says() {
    if !skip::unless_installed("openssl") {
        return;
    }
    let bench = Workbench::new();
    FILES
        .iter()
        .filter(|(name, _)| *name != "client-csr.json")
        .for_each(|(name, text)| bench.write(name, text));
    bench.must("fleetgate pki gencert -initca ca-csr.json | fleetgate pki json -bare ca");
    let listed = bench.must("ls");
    let listed: Vec<_> = listed.split_whitespace().collect();
    // "The output should return"
    assert_eq!(listed, ["ca-config.json", "ca-csr.json", "ca-key.pem", "ca.csr", "ca.pem"]);

    bench.write(FILES[2].0, FILES[2].1);
    bench.must(
        "fleetgate pki gencert -ca=ca.pem -ca-key=ca-key.pem -config=ca-config.json -profile=client client-csr.json | \
         fleetgate pki json -bare client",
    );
    let client = CertificateDer::from_pem_file(bench.path("client.pem")).unwrap();
    let identity = Identity::read(&client, Fingerprint::of(&client)).unwrap();
    let subject = "CN=James Royal,OU=Access Admins,O=Access,L=Austin,ST=Texas,C=US";
    assert_eq!(&*identity.subject.rfc2253, subject);
    assert_eq!(identity.not_after - identity.not_before, 8760 * 3600);
    assert!(bench.must("openssl x509 -in client.pem -noout -text").contains("Public-Key: (4096 bit)"));
    assert!(bench.must("openssl verify -CAfile ca.pem -purpose sslclient client.pem").contains("OK"));

    // "Add that serial number … to a text file in hexadecimal format"; -D is macOS's -d.
    bench.must("openssl x509 -in client.pem -noout -serial | cut -d= -f2 > serials.txt");
    bench.must("fleetgate pki gencrl serials.txt ca.pem ca-key.pem | base64 -d > ca.crl");
    let said = bench.run("openssl verify -CAfile ca.pem -CRLfile ca.crl -crl_check client.pem");
    assert!(said.code != 0 && said.stderr.contains("certificate revoked"), "{said:?}");
    let said = bench.run("fleetgate pki verify client.pem --crl ca.crl");
    assert!(said.code == 1 && said.stdout.contains("revoked by the CRL"), "{said:?}");
}
