//! 500 applications on one host, 50 rules each, and a device that only the last rule is for.
#![expect(clippy::unwrap_used, reason = "what cannot be set up cannot be measured")]

use std::fmt::Write as _;
use std::sync::Arc;

use fleetgate::access::{AccessTable, Facts, Presented};
use fleetgate::config::{Config, Source};
use fleetgate::device::Device;
use fleetgate::device::identity::Fingerprint;
use fleetgate::device::verdicts::Verdicts;
use fleetgate::model::hostname::Hostname;
use fleetgate::snapshot::{Accepted, Files, Input, Snapshot, compile};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use rustls::pki_types::UnixTime;

const HOST: &str = "iot.example.com";
pub(crate) const APPLICATIONS: usize = 500;

/// Rules of one policy: 49 that do not hold for the device, of every kind that looks into its certificate, and one
/// that does.
fn rules() -> String {
    let mut rules: Vec<String> = (0..49)
        .map(|index| match index % 7 {
            0 => format!("{{ common_name = {{ common_name = \"other-{index}\" }} }}"),
            1 => format!("{{ cert_san = {{ uri = \"spiffe://example.com/other/{index}\" }} }}"),
            2 => format!("{{ ip = {{ ip = \"10.{index}.0.0/16\" }} }}"),
            3 => format!("{{ cert_ou = {{ ou = \"Other {index}\" }} }}"),
            4 => format!("{{ cert_serial = {{ serial = \"{index:04x}\" }} }}"),
            5 => format!("{{ cert_fingerprint = {{ sha256 = \"{index:064x}\" }} }}"),
            _ => format!("{{ cert_policy_oid = {{ oid = \"1.3.6.1.4.1.99999.{index}\" }} }}"),
        })
        .collect();
    rules.push("{ common_name = { common_name = \"pump-7\" } }".to_owned());
    rules.join(", ")
}

/// A compiled configuration, and a device that is known to it.
pub(crate) struct Site {
    snapshot: Snapshot,
    device: Device,
}

/// A host with applications at the paths that `path` gives.
pub(crate) fn site(path: impl Fn(usize) -> String) -> Site {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: String| std::fs::write(folder.path().join(name), content).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new([HOST.to_owned()]).unwrap().self_signed(&key).unwrap();
    file("server.pem", server.pem());
    file("server-key.pem", key.serialize_pem());
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "Device CA");
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    file("ca.pem", ca.pem());

    let mut text = format!(
        "[[listener]]\naddress = \"[::]:443\"\n[[host]]\nname = \"{HOST}\"\ncertificate = \"server.pem\"\n\
         key = \"server-key.pem\"\norigin = \"http://127.0.0.1:1\"\n[[mtls_certificate]]\nname = \"devices\"\n\
         certificate = \"ca.pem\"\nassociated_hostnames = [\"{HOST}\"]\n"
    );
    let rules = rules();
    for index in 0..APPLICATIONS {
        let policy = format!("name = \"devices\"\ndecision = \"non_identity\"\ninclude = [{rules}]");
        write!(
            text,
            "[[application]]\ndomain = \"{HOST}{}\"\n[[application.policy]]\n{policy}\n",
            path(index)
        )
        .unwrap();
    }
    let source = Arc::new(Source::new(&folder.path().join("fleetgate.toml"), text));
    let config = Config::parse(&source).unwrap();
    let (files, verdicts) = (Files::default(), Arc::new(Verdicts::new(1)));
    let input = Input {
        config: &config,
        resources: &config.resources,
        source: &source,
        files: &files,
        verdicts: &verdicts,
    };
    let snapshot = compile(&input, &Accepted::Unknown, 1).unwrap().snapshot;

    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "pump-7");
    params.distinguished_name.push(DnType::OrganizationalUnitName, "Pumps");
    params.subject_alt_names = vec![
        SanType::DnsName("pump-7.example.com".try_into().unwrap()),
        SanType::URI("spiffe://example.com/pump/7".try_into().unwrap()),
    ];
    let leaf = params.signed_by(&KeyPair::generate().unwrap(), &ca).unwrap();
    let host = snapshot.host(&HOST.parse().unwrap()).unwrap();
    let verified = host.trust.verify(leaf.der(), Fingerprint::of(leaf.der()), &[], UnixTime::now()).unwrap();
    Site { device: Device::Verified(Arc::new(verified)), snapshot }
}

/// The host's name.
pub(crate) fn hostname() -> Hostname {
    HOST.parse().unwrap()
}

impl Site {
    /// What is decided by.
    pub(crate) fn access(&self) -> &AccessTable {
        &self.snapshot.host(&hostname()).unwrap().access
    }

    /// What is decided about.
    pub(crate) fn facts<'a>(&'a self, name: &'a Hostname, path: &'a str) -> Facts<'a> {
        Facts {
            name,
            path,
            preflight: false,
            device: &self.device,
            source: [192, 0, 2, 1].into(),
            country: None,
            service_token: Presented::Nothing,
            now: UnixTime::now().as_secs(),
        }
    }
}
