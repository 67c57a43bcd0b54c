//! What compiles, what does not, and what an operator is told of either.

mod access;
mod cas;
mod site;

use std::fmt::Write as _;
use std::path::Path;

use rcgen::KeyPair;
use rustls::pki_types::UnixTime;

pub(crate) use site::Site;

use super::*;
use crate::device::identity::Fingerprint;
use crate::device::refusal::{Refusal, now};
use crate::device::tests::pki::{Ca, DAY, Leaf, ca_params, device_params, valid};
use crate::model::hostname::Hostname;

/// A host, its CA and an application: nothing to complain about.
fn good() -> Site {
    Site::new().host("iot.example.com").ca("ca.pem", &["iot.example.com"]).application(
        "iot.example.com",
        "devices",
        "non_identity",
    )
}

fn name(text: &str) -> Hostname {
    text.parse().unwrap()
}

fn served<'a>(compiled: &'a Compiled, text: &str) -> Option<&'a Arc<Host>> {
    compiled.snapshot.host(&name(text))
}

fn trusts(host: &Host, leaf: &Leaf) -> Result<(), Refusal> {
    host.trust.verify(&leaf.der, leaf.fingerprint(), &[], UnixTime::now()).map(drop)
}

#[test]
fn a_good_configuration_compiles_without_a_word() {
    let site = good();
    assert_eq!(site.said(), [""; 0]);
    let compiled = site.compile().unwrap();
    let host = served(&compiled, "iot.example.com").unwrap();
    assert_eq!(
        (compiled.snapshot.generation, &*host.label, host.client_auth),
        (7, "iot.example.com", ClientAuth::Access)
    );
    assert_eq!(host.access.applications().len(), 1);
    assert_eq!(host.forwarding, Forwarding::default());
    assert_eq!(trusts(host, &site.ca.device("device")), Ok(()));
    assert_eq!(host.tls.as_ref().unwrap().alpn_protocols, [&b"h2"[..], b"http/1.1"]);
}

#[test]
fn alpn_has_what_a_byte_stream_names_and_nothing_else() {
    let stream = |lines: &str| {
        let mut site = Site::new().host_with("iot.example.com", &format!("client_auth = \"none\"\n{lines}"));
        site.text = site.text.replace("http:", "tcp:");
        site
    };
    let alpn = |lines: &str| {
        let compiled = stream(lines).compile().unwrap();
        served(&compiled, "iot.example.com").unwrap().tls.as_ref().unwrap().alpn_protocols.clone()
    };
    assert_eq!(alpn("protocol = \"tls\""), [b""; 0]);
    assert_eq!(alpn("protocol = \"tls\"\nalpn = [\"mqtt\", \"amqp\"]"), [b"mqtt", b"amqp"]);
    stream("protocol = \"tls\"\nalpn = [\"\"]").says("10:8: error: a name for ALPN has from 1 to 255 octets");
    let requests = Site::new().host_with("iot.example.com", "client_auth = \"none\"\nalpn = [\"mqtt\"]");
    requests.says("9:8: error: `alpn` is for byte streams");
}

#[test]
fn a_host_whose_tls_goes_through_has_nothing_to_decide_by() {
    let host =
        "[[host]]\nname = \"iot.example.com\"\nprotocol = \"passthrough\"\norigin = \"tcp://127.0.0.1:1\"\n";
    let compiled = Site::new().add(host).compile().unwrap();
    let through = served(&compiled, "iot.example.com").unwrap();
    assert!(
        through.tls.is_none() && through.trust.anchors().is_empty() && compiled.snapshot.passes_through()
    );
    assert_eq!(Site::new().add(host).said(), [""; 0]);
    let decided = Site::new().add(host).application("iot.example.com", "devices", "non_identity");
    decided.says("8:11: error: the TLS of `iot.example.com` goes through; no application is asked about it");
    assert!(!good().compile().unwrap().snapshot.passes_through());
}

#[test]
fn nothing_that_was_not_declared_is_served() {
    let compiled = good().compile().unwrap();
    for other in ["example.com", "a.iot.example.com", "xiot.example.com", "iot.example.org"] {
        assert!(served(&compiled, other).is_none(), "{other}");
    }
}

#[test]
fn an_exact_name_is_served_before_a_wildcard_wherever_it_stands() {
    let exact = |site: Site| site.host_with("iot.example.com", "client_auth = \"none\"");
    let wildcard = |site: Site| site.host_with("*.example.com", "client_auth = \"none\"");
    for site in [wildcard(exact(Site::new())), exact(wildcard(Site::new()))] {
        let compiled = site.compile().unwrap();
        let label = |text| served(&compiled, text).map(|host| &*host.label);
        assert_eq!(label("iot.example.com"), Some("iot.example.com"));
        assert_eq!(label("other.example.com"), Some("*.example.com"));
        assert_eq!(label("a.iot.example.com"), None);
        assert_eq!(compiled.snapshot.hosts().count(), 2);
    }
}

/// Otherwise a lenient wildcard would silently take the place of the strict application of one host.
#[test]
fn an_exact_application_counts_before_a_wildcard_wherever_it_stands() {
    let exact = |site: Site| site.application("iot.example.com", "exact", "non_identity");
    let wildcard = |site: Site| site.application("*.example.com", "wildcard", "bypass");
    let hosts =
        || Site::new().host("iot.example.com").host("other.example.com").ca("ca.pem", &["*.example.com"]);
    for site in [wildcard(exact(hosts())), exact(wildcard(hosts()))] {
        let compiled = site.compile().unwrap();
        let policy = |text: &str| {
            let guarded = served(&compiled, text).unwrap().access.find(&name(text), "/").unwrap().unwrap();
            guarded.policies()[0].policy.name.clone()
        };
        assert_eq!(
            (policy("iot.example.com").as_str(), policy("other.example.com").as_str()),
            ("exact", "wildcard")
        );
    }
}

#[test]
fn everything_that_forbids_loading_is_refused_with_place_and_remedy() {
    let none = "client_auth = \"none\"";
    let files = |certificate: &str, key: &str| {
        let lines = format!(
            "[[host]]\nname = \"iot.example.com\"\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n"
        );
        Site::new().add(&format!("{lines}origin = \"http://127.0.0.1:1\"\n{none}\n"))
    };
    let with = |site: Site, file: &str, content: &str| {
        site.file(file, content);
        site
    };
    let leaf_pem = |site: &Site| site.ca.issue(&device_params("device")).der;
    let with_leaf_as_ca = {
        let site = good();
        let der = leaf_pem(&site);
        let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der);
        let pem =
            format!("{}-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n", site.ca.pem());
        with(site, "ca.pem", &pem)
    };
    let cases = [
        (
            Site::new().host_with("iot.example.com", none).host_with("IOT.example.com.", none),
            "10:9: error: host `iot.example.com` is already defined in line 4; give each name one [[host]]",
        ),
        (
            good().add("[[listener]]\naddress = \"[::]:8443\"\n"),
            "20:12: error: listener `[::]:8443` is already defined in line 2; each address once",
        ),
        (
            good().application("iot.example.com", "again", "deny"),
            "20:11: error: application `iot.example.com` is already defined in line 14; put all policies",
        ),
        (
            files("absent.pem", "server-key.pem"),
            "5:16: error: cannot read absent.pem: No such file or directory (os error 2); name a PEM file",
        ),
        (
            files("server.pem", "absent.pem"),
            "6:8: error: cannot read absent.pem: No such file or directory (os error 2); name the PEM file",
        ),
        (files("server-key.pem", "server-key.pem"), "5:16: error: server-key.pem holds no certificate"),
        (files("server.pem", "server.pem"), "6:8: error: server.pem holds no private key"),
        (with(good(), "ca.pem", ""), "11:16: error: ca.pem holds no certificate"),
        (
            with_leaf_as_ca,
            "11:16: error: ca.pem: certificate 2 (`CN=device`) is not a CA: its Basic Constraints lack CA:TRUE; upload",
        ),
        (
            with(good(), "ca.pem", "-----BEGIN CERTIFICATE-----\nBQA=\n-----END CERTIFICATE-----\n"),
            "11:16: error: ca.pem: certificate 1 is not valid X.509",
        ),
    ];
    for (site, expected) in cases {
        assert!(site.compile().is_err(), "{expected}");
        let errors: Vec<_> = site.said().into_iter().filter(|line| line.contains(" error: ")).collect();
        assert!(errors.len() == 1 && errors[0].starts_with(expected), "expected {expected:?} in {errors:#?}");
    }
}

#[test]
fn a_key_that_does_not_belong_to_the_certificate_is_refused() {
    let site = good();
    site.file("server-key.pem", &KeyPair::generate().unwrap().serialize_pem());
    site.says("6:8: error: the private key does not belong to the host's certificate; name the key");
    assert!(site.compile().is_err());
}

#[test]
fn a_key_that_is_none_is_refused_without_a_word_of_it() {
    let site = good();
    site.file(
        "server-key.pem",
        "-----BEGIN PRIVATE KEY-----\nc2VjcmV0IHNlY3JldA==\n-----END PRIVATE KEY-----\n",
    );
    let said = site.said();
    assert!(
        said.len() == 1 && said[0].starts_with("5:16: error: the certificate and key cannot be used"),
        "{said:?}"
    );
    assert!(!said[0].contains("secret") && !said[0].contains("c2Vj"), "{said:?}");
}

#[test]
fn a_configuration_without_hosts_or_listeners_is_refused() {
    let site = Site { text: "listener = []\nhost = []\n".into(), ..Site::new() };
    assert!(site.compile().is_err());
    assert_eq!(
        site.said(),
        ["error: there is no host; add a [[host]]", "error: there is no listener; add a [[listener]]"]
    );
}

#[test]
fn more_hosts_than_the_xdp_table_holds_are_refused() {
    let mut text = String::from("[[listener]]\naddress = \"[::]:1\"\n");
    for number in 0..=MAX_HOSTS {
        let files = "certificate = \"absent.pem\"\nkey = \"absent.pem\"\norigin = \"http://a\"\n";
        write!(text, "[[host]]\nname = \"h{number}.example\"\n{files}").unwrap();
    }
    let source = Arc::new(Source::new(Path::new("f"), text));
    let config = Config::parse(&source).unwrap();
    let (files, verdicts) = (Files::default(), Arc::new(Verdicts::new(1)));
    let resources = &config.resources;
    let input = Input { config: &config, resources, source: &source, files: &files, verdicts: &verdicts };
    let mut compiler = Compiler::new(&input, &Accepted::Unknown);
    compiler.check_names();
    let line = 4 + 5 * MAX_HOSTS;
    let expected = format!("f:{line}:9: error: more than 4096 hosts; split them over several gateways");
    assert_eq!(Problems::new(&source, compiler.problems).lines(), [expected]);
}

#[test]
fn everything_that_loads_but_should_be_known_is_a_warning() {
    let bare = || Site::new().host("iot.example.com");
    let with_ca = || bare().ca("ca.pem", &["iot.example.com"]);
    let expired_server = {
        let site = good();
        site.server("server", &["iot.example.com"], |params| *params = valid(params.clone(), 0, now() - DAY));
        site
    };
    let other_name = {
        let site = good();
        site.server("server", &["other.example.com"], |_| {});
        site
    };
    let cases = [
        (
            bare().application("iot.example.com", "p", "non_identity"),
            "4:9: warning: host `iot.example.com` asks for certificates and trusts no CA; it verifies nobody; associate",
        ),
        (
            with_ca(),
            "4:9: warning: host `iot.example.com` asks for certificates and has no application; it denies every request; add",
        ),
        (
            with_ca().application("iot.example.com", "people", "allow"),
            "15:1: warning: policy `people`: `allow` needs a login and there is none; it denies; use",
        ),
        (
            {
                let site = good();
                site.file("other.pem", &Ca::root("Other Root").pem());
                site.ca("other.pem", &["absent.example.com"])
            },
            "22:26: warning: no host serves `absent.example.com`; this association is unused; add",
        ),
        (
            good().application("absent.example.com", "p", "non_identity"),
            "20:11: warning: no host serves `absent.example.com`; this application is unused; add",
        ),
        (
            other_name,
            "5:16: warning: the certificate does not name `iot.example.com`; clients will refuse it; issue",
        ),
        (
            expired_server,
            "5:16: warning: the certificate of `iot.example.com` has expired; clients will refuse it; renew",
        ),
    ];
    for (site, expected) in cases {
        assert!(site.compile().is_ok(), "{expected}");
        site.says(expected);
    }
}

#[test]
fn what_only_xdp_does_is_told_of_where_it_is_set_and_xdp_is_off() {
    let keys = "[xdp.limit]\nnew_flows = \"1/s burst 1\"\nnot_tls_per_source = \"1/s burst 1\"\n\
        incomplete_per_source = \"off\"\nsyn_total = \"1/s burst 1\"";
    let told = |xdp: &str| {
        let compiled = good().add(&format!("{xdp}\n{keys}")).compile().unwrap();
        let lines = compiled.warnings.lines().into_iter();
        let told = lines.filter_map(|line| Some(line.split_once("warning: xdp.")?.1.to_owned()));
        told.map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let expected = ["limit.not_tls_per_source", "limit.new_flows"];
    assert_eq!(told(""), expected);
    assert_eq!(told("[xdp]\nmode = \"off\"\ninterfaces = [\"lo\"]"), expected);
    assert_eq!(told("[xdp]\nunknown_sni = \"drop\""), [&expected[..], &["unknown_sni"]].concat());
    assert!(told("[xdp]\nunknown_sni = \"drop\"\ninterfaces = [\"lo\"]").is_empty());
    let [warning] = &good().add("[xdp]\nunknown_sni = \"reset\"").compile().unwrap().warnings.lines()[..]
    else {
        panic!("one warning")
    };
    assert!(
        warning.ends_with(
            "warning: xdp.unknown_sni does nothing: only XDP does that, and XDP is off; set xdp.interfaces, or take the key out"
        ),
        "{warning}"
    );
}

#[test]
fn cipher_suites_that_no_handshake_could_use_are_told_of() {
    let with = |lines: &str| {
        let site = Site::new().host_with("iot.example.com", &format!("client_auth = \"none\"\n{lines}"));
        (site.compile().is_ok(), site.said())
    };
    let older = "cipher_suites = [\"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256\"]";
    let (loads, said) = with(&format!("{older}\nmin_tls = \"1.3\""));
    assert!(!loads && said.len() == 1, "{said:?}");
    assert!(
        said[0].contains("9:17: error: host `iot.example.com` has no cipher suite of a version"),
        "{said:?}"
    );
    assert_eq!(with(older), (true, vec![]));
    let (loads, said) =
        with("cipher_suites = [\"TLS_AES_128_GCM_SHA256\", \"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\"]");
    assert!(loads && said.len() == 1, "{said:?}");
    assert!(
        said[0].contains("warning: no cipher suite of TLS 1.2 fits the ECDSA key of `iot.example.com`"),
        "{said:?}"
    );
}

#[test]
fn a_wildcard_host_wants_a_wildcard_certificate() {
    let site = |hostname| {
        let site = Site::new().host_with("*.example.com", "client_auth = \"none\"");
        site.server("server", &[hostname], |_| {});
        site
    };
    assert_eq!(site("*.example.com").said(), [""; 0]);
    site("iot.example.com")
        .says("5:16: warning: the certificate does not name `*.example.com`; clients will refuse it");
}

#[test]
fn a_host_that_asks_nobody_needs_neither_ca_nor_application() {
    assert_eq!(Site::new().host_with("iot.example.com", "client_auth = \"none\"").said(), [""; 0]);
}

#[test]
fn all_problems_are_reported_at_once_and_nothing_is_compiled() {
    let site = good().host_with("iot.example.com", "").ca("absent.pem", &["nowhere.example.com"]);
    site.file("server-key.pem", "");
    let said = site.said();
    assert!(site.compile().is_err());
    for part in [
        "already defined",
        "cannot read absent.pem",
        "no host serves `nowhere.example.com`",
        "holds no private key",
    ] {
        assert!(said.iter().any(|line| line.contains(part)), "{part} in {said:#?}");
    }
}

#[test]
fn absolute_and_relative_paths_name_the_same_file() {
    let site = good();
    let path = site.folder.path().join("ca.pem");
    assert!(Path::new(&path).is_absolute());
    let text =
        site.text.replace("certificate = \"ca.pem\"", &format!("certificate = \"{}\"", path.display()));
    assert_eq!(Site { text, ..site }.said(), [""; 0]);
}

#[test]
fn what_is_said_of_tls_to_origins() {
    let files = "certificate = \"server.pem\"\nkey = \"server-key.pem\"\n";
    let site = |lines: &str| {
        Site::new()
            .add(&format!("[[host]]\nname = \"iot.example.com\"\n{files}client_auth = \"none\"\n{lines}"))
    };
    let cases = [
        ("origin = \"https://a\"\norigin_ca = \"absent.pem\"", "9:14: error: cannot read absent.pem"),
        (
            "origin = \"https://a\"\norigin_ca = \"ca.pem\"\norigin_certificate = \"ca.pem\"\norigin_key = \"server-key.pem\"",
            "11:15: error: the private key does not belong to `origin_certificate`",
        ),
        (
            "origin = [\"http://a\", \"unix:/a\"]\norigin_name = \"b\"",
            "9:16: warning: `origin_name` does nothing: no origin of this host is spoken to over TLS",
        ),
    ];
    for (lines, expected) in cases {
        site(lines).says(expected);
    }
    let good = site("origin = [\"https://a\", \"http://b\"]\norigin_ca = \"ca.pem\"");
    assert!(good.said().is_empty());
    let compiled = good.compile().unwrap();
    let labels: Vec<_> = compiled
        .snapshot
        .hosts()
        .flat_map(|host| host.origins.targets())
        .map(|target| &*target.label)
        .collect();
    assert_eq!(labels, ["https://a:443", "http://b:80"]);
}
