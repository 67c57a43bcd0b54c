//! CAs, devices and CRLs of the tools that operators have: cfssl as the product document uses it, and OpenSSL.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fleetgate::device::identity::{Fingerprint, Identity as Read};
use fleetgate::device::revocation::Serial;
use fleetgate_tests::gateway::{Gateway, quoted};
use fleetgate_tests::pki::{Cfssl, Identity, OpenSsl, Tool};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::skip;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tempfile::TempDir;

/// Makes a CRL of these serial numbers.
type Revoke<'a> = &'a dyn Fn(&[&str]) -> Vec<u8>;

/// A CA of one tool or the other, with two devices.
struct Tools<'a> {
    ca: &'a Path,
    devices: [Identity; 2],
    cfssl_crl: Revoke<'a>,
    openssl_crl: Revoke<'a>,
}

const NAMES: [&str; 2] = ["James Royal", "device-2"];

/// The serial number as `openssl x509 -serial` prints it, and in decimal, as cfssl takes it.
fn serial(certificate: &[u8]) -> (String, String) {
    let hex = Read::read(certificate, Fingerprint::of(certificate)).unwrap().serial;
    let decimal = hex.parse::<Serial>().unwrap().decimal().unwrap();
    (hex, decimal)
}

/// A gateway with a CA and its CRLs.
fn start(site: &Site, ca: &Path, crls: &[&Path]) -> Gateway {
    let crls: Vec<_> = crls.iter().map(|path| quoted(path)).collect();
    let (ca, crls) = (quoted(ca), crls.join(", "));
    let lines =
        format!("name = \"ca\"\ncertificate = {ca}\nassociated_hostnames = [{HOST:?}]\ncrl = [{crls}]");
    Gateway::start(site.untrusting().array("mtls_certificate", lines))
}

fn status(site: &Site, gateway: &Gateway, device: &Identity) -> u16 {
    let mut connection = site.anonymous().identity(device).connect(gateway.address(), HOST).unwrap();
    connection.get(HOST, "/").unwrap().status()
}

/// What each of a CA's devices gets with each tool's CRL of the first one, in each form that an operator may put in place.
fn assert_revoked_by_every_tool(tools: &Tools<'_>) {
    let (site, folder) = (Site::new(), TempDir::new().unwrap());
    let (hex, decimal) = serial(&tools.devices[0].chain[0]);
    let printed = (tools.cfssl_crl)(&[&decimal]);
    let decoded = BASE64_STANDARD.decode(printed.trim_ascii()).unwrap();
    let cases = [
        ("cfssl, as it prints it", printed, 403),
        ("cfssl, through base64 -d", decoded, 403),
        ("cfssl, several", (tools.cfssl_crl)(&["1", &decimal, "12345678901234567890"]), 403),
        // As the document has it: cfssl reads decimal digits only, and lists somebody else or nobody.
        ("cfssl, in hexadecimal", (tools.cfssl_crl)(&[&hex]), 200),
        ("OpenSSL", (tools.openssl_crl)(&[&hex]), 403),
        ("OpenSSL, several", (tools.openssl_crl)(&["01", &hex, "7FFF"]), 403),
        ("OpenSSL, of nobody", (tools.openssl_crl)(&[]), 200),
    ];
    for (case, crl, expected) in cases {
        let path = folder.path().join("ca.crl");
        std::fs::write(&path, crl).unwrap();
        let gateway = start(&site, tools.ca, &[&path]);
        assert_eq!(status(&site, &gateway, &tools.devices[0]), expected, "{case}");
        assert_eq!(status(&site, &gateway, &tools.devices[1]), 200, "{case}");
    }
}

#[test]
fn devices_of_cfssl_are_revoked_by_cfssl_in_decimal_and_by_openssl_in_hexadecimal() {
    if skip::unless_installed("cfssl") && skip::unless_installed("openssl") {
        let ca = Cfssl::root("Access Testing CA");
        assert_revoked_by_every_tool(&Tools {
            ca: &ca.ca,
            devices: NAMES.map(|name| ca.device(name)),
            cfssl_crl: &|serials| ca.cfssl_crl(serials),
            openssl_crl: &|serials| ca.openssl_crl(serials),
        });
    }
}

#[test]
fn devices_of_openssl_are_revoked_by_cfssl_in_decimal_and_by_openssl_in_hexadecimal() {
    if skip::unless_installed("cfssl") && skip::unless_installed("openssl") {
        let ca = OpenSsl::root("OpenSSL Root");
        assert_revoked_by_every_tool(&Tools {
            ca: &ca.ca,
            devices: NAMES.map(|name| ca.device(name)),
            cfssl_crl: &|serials| ca.cfssl_crl(serials),
            openssl_crl: &|serials| ca.openssl_crl(serials),
        });
    }
}

/// "If your zone is using intermediate certificates in addition to the root certificate, upload the entire chain."
#[test]
fn a_chain_of_cfssl_is_uploaded_whole_and_each_ca_revokes_what_it_issued() {
    if !skip::unless_installed("cfssl") {
        return;
    }
    let (site, folder) = (Site::new(), TempDir::new().unwrap());
    let root = Cfssl::root("Access Testing CA");
    let issuing = root.intermediate("Access Testing CA, line 1");
    let (first, second, direct) =
        (issuing.device("device-1"), issuing.device("device-2"), root.device("device-3"));
    let intermediate = CertificateDer::from_pem_file(&issuing.ca).unwrap();
    let put = |name: &str, crl: Vec<u8>| {
        let path = folder.path().join(name);
        std::fs::write(&path, crl).unwrap();
        path
    };
    let of = |certificate: &[u8]| serial(certificate).1;
    let by_issuing = put("issuing.crl", issuing.cfssl_crl(&[&of(&first.chain[0])]));
    let by_root = put("root.crl", root.cfssl_crl(&[&of(&intermediate)]));
    let nobody = put("nobody.crl", root.cfssl_crl(&["1"]));
    let cases: [(&[&Path], [u16; 3]); 3] =
        [(&[], [200, 200, 200]), (&[&by_issuing, &nobody], [403, 200, 200]), (&[&by_root], [403, 403, 200])];
    for (crls, expected) in cases {
        let gateway = start(&site, &issuing.chain(&root), crls);
        let found = [&first, &second, &direct].map(|device| status(&site, &gateway, device));
        assert_eq!(found, expected, "{crls:?}");
    }
}

/// Whoever has begun with one tool can go on with the other.
#[test]
fn a_ca_its_devices_and_its_crls_are_good_whichever_tool_makes_which() {
    if !skip::unless_installed("cfssl") {
        return;
    }
    let (site, folder) = (Site::new(), TempDir::new().unwrap());
    let tools = [Tool::Cfssl, Tool::Fleetgate];
    for of_ca in tools {
        let ca = Cfssl::root_by(of_ca, "Access Testing CA");
        for of_devices in tools {
            let devices = NAMES.map(|name| ca.with(of_devices).device(name));
            let (hex, decimal) = serial(&devices[0].chain[0]);
            let gateway = start(&site, &ca.ca, &[]);
            assert_eq!(devices.each_ref().map(|device| status(&site, &gateway, device)), [200, 200]);
            // The document says hexadecimal, and cfssl takes it for something else.
            for (of_crl, serial) in
                [(Tool::Cfssl, &decimal), (Tool::Fleetgate, &hex), (Tool::Fleetgate, &decimal)]
            {
                let case = format!("{of_ca:?}, {of_devices:?}, {of_crl:?}: {serial}");
                // A decimal number of 128 bits has no more digits than a hexadecimal one could.
                let marked = format!("{serial} superseded\n{}", "9".repeat(48));
                let line = if serial == &decimal && of_crl == Tool::Fleetgate { &marked } else { serial };
                let path = folder.path().join("ca.crl");
                std::fs::write(&path, ca.with(of_crl).cfssl_crl(&[line])).unwrap();
                let gateway = start(&site, &ca.ca, &[&path]);
                let found = devices.each_ref().map(|device| status(&site, &gateway, device));
                assert_eq!(found, [403, 200], "{case}");
            }
        }
    }
}
