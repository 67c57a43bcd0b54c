//! What a host's operator says of TLS is what is spoken: versions, cipher suites, and whether devices are told which CAs
//! their certificates may be from.

use std::net::SocketAddr;

use fleetgate_tests::client::SClient;
use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::pki::OpenSsl;
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::skip;

/// The cipher suites of the gateway by IANA's and OpenSSL's names; those of TLS 1.3 have one name.
const SUITES: [(&str, &str); 9] = [
    ("TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"),
    ("TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"),
    ("TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
];

/// What OpenSSL, which offers all that it has, agrees on with the host: nothing where there is no handshake.
fn negotiated(address: SocketAddr, version: &str) -> Option<String> {
    // The lowest security level lets it offer everything.
    let printed = SClient::to(address, HOST).args(&[version, "-cipher", "ALL:@SECLEVEL=0"]).get("/").0;
    let (_, cipher) = printed.split_once(", Cipher is ")?;
    let cipher = cipher.lines().next().unwrap_or_default();
    (cipher != "(NONE)").then(|| cipher.to_owned())
}

#[test]
fn the_suites_that_are_asked_for_are_those_that_are_negotiated() {
    if !skip::unless_installed("openssl") {
        return;
    }
    let site = Site::new();
    let rsa = OpenSsl::root("Server Root").device(HOST);
    let host = |suites: &str| {
        let identity = if suites.contains("_RSA_") { &rsa } else { &site.server };
        let lines = format!("cipher_suites = [{suites}]\norigin = ");
        let files = |identity: &fleetgate_tests::pki::Identity| {
            fleetgate_tests::gateway::Host::new(HOST, identity, &site.origin.url())
        };
        fleetgate_tests::gateway::Setup::default()
            .host(files(identity).client_auth("none"))
            .replace("origin = ", &lines)
    };
    let gateway = Gateway::start(host("\"TLS_AES_128_GCM_SHA256\""));
    for (iana, openssl) in SUITES {
        gateway.configure(&host(&format!("{iana:?}")));
        gateway.must_reload();
        let (newer, older) =
            (negotiated(gateway.address(), "-tls1_3"), negotiated(gateway.address(), "-tls1_2"));
        let expected = Some(openssl.to_owned());
        // A version without a suite is not spoken.
        if iana == openssl {
            assert_eq!((newer, older), (expected, None), "{iana}");
        } else {
            assert_eq!((newer, older), (None, expected), "{iana}");
        }
    }
}

#[test]
fn aes_with_128_bits_comes_before_256_and_else_the_devices_first_suite_is_taken() {
    if !skip::unless_installed("openssl") {
        return;
    }
    let gateway = Site::new().start();
    let newer = ["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"];
    let older = ["AES256-GCM-SHA384", "AES128-GCM-SHA256", "CHACHA20-POLY1305"];
    let older = older.map(|suite| format!("ECDHE-ECDSA-{suite}"));
    let negotiated = |version: &str, list: &str, offered: &[&str]| {
        let offered = offered.join(":");
        let printed = SClient::to(gateway.address(), HOST).args(&[version, list, &offered]).get("/").0;
        let (_, cipher) = printed.split_once(", Cipher is ").unwrap_or_else(|| panic!("{printed}"));
        cipher.lines().next().unwrap_or_default().to_owned()
    };
    for (version, list, [longer, shorter, other]) in
        [("-tls1_3", "-ciphersuites", newer), ("-tls1_2", "-cipher", older.each_ref().map(String::as_str))]
    {
        let taken = |offered: &[&str]| negotiated(version, list, offered);
        assert_eq!(taken(&[longer, other, shorter]), shorter);
        assert_eq!(taken(&[longer, other]), longer);
        assert_eq!(taken(&[other, longer, shorter]), other);
    }
}

#[test]
fn devices_are_told_of_cas_unless_the_host_says_otherwise() {
    if !skip::unless_installed("openssl") {
        return;
    }
    let site = Site::new();
    let gateway = site.start();
    let told = || {
        ["-tls1_2", "-tls1_3"].map(|version| SClient::to(gateway.address(), HOST).args(&[version]).get("/").0)
    };
    for printed in told() {
        assert!(printed.contains("Acceptable client certificate CA names"), "{printed}");
        assert!(printed.contains("CN=Device Root") || printed.contains("CN = Device Root"), "{printed}");
    }
    gateway.configure(&site.setup().replace("origin = ", "ca_hints = false\norigin = "));
    gateway.must_reload();
    for printed in told() {
        assert!(printed.contains("No client certificate CA names sent"), "{printed}");
    }
    // A device that doesn't choose by them connects all the same.
    let mut connection = site.client().connect(gateway.address(), HOST).unwrap();
    assert_eq!(connection.get(HOST, "/").unwrap().status(), 200);
}
