//! The gateway's files: certificates, CRLs, and a configuration that changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::FleetError;
use super::identities::Identities;
use super::place::Place;
use super::scenario::{ClientAuth, Protocol, Scenario};
use crate::pki::{self, Authority, KeyKind};

/// Connections that a gateway has by default at most.
const USUAL_CONNECTIONS: usize = 10_000;

/// What the gateway is told.
pub(super) struct Site {
    folder: PathBuf,
    /// Hosts, and what they speak.
    hosts: BTreeMap<String, Protocol>,
    /// Whom hosts trust.
    trust: BTreeMap<String, BTreeSet<String>>,
    /// Serial numbers on each CA's CRL, and its number.
    crls: BTreeMap<String, (u64, BTreeSet<u64>)>,
    client_auth: ClientAuth,
    max_connections: usize,
    pub(super) http_origin: SocketAddr,
    pub(super) mqtt_origin: SocketAddr,
    pub(super) metrics: SocketAddr,
}

/// Where origins and metrics are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) http_origin: SocketAddr,
    pub(super) mqtt_origin: SocketAddr,
    pub(super) metrics: SocketAddr,
}

impl Site {
    /// The site of a scenario at its beginning.
    pub(super) fn new(folder: &Path, scenario: &Scenario, ports: Ports) -> Self {
        let Ports { http_origin, mqtt_origin, metrics } = ports;
        let hosts = scenario.fleet.iter().map(|fleet| (fleet.host.clone(), fleet.protocol)).collect();
        let mut trust: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for fleet in &scenario.fleet {
            trust.entry(fleet.host.clone()).or_default().insert(fleet.ca.clone());
        }
        Self {
            folder: folder.to_owned(),
            hosts,
            trust,
            crls: BTreeMap::new(),
            client_auth: scenario.client_auth,
            max_connections: USUAL_CONNECTIONS.max(scenario.devices.get()),
            http_origin,
            mqtt_origin,
            metrics,
        }
    }

    /// The configuration's path.
    pub(super) fn config(&self) -> PathBuf {
        self.folder.join("fleetgate.toml")
    }

    /// What devices verify the gateway with.
    pub(super) fn server_ca(&self) -> PathBuf {
        self.folder.join(pki::certificate_file(pki::SERVER_CA))
    }

    /// Writes all but the CRLs.
    pub(super) fn write(&self, identities: &Identities, place: &Place) -> Result<(), FleetError> {
        let hosts = self.hosts.keys().cloned().collect();
        let plan = pki::Plan { devices: 0, hosts, key: KeyKind::P256, intermediate: false };
        pki::write(&self.folder, &pki::issue(&plan)?, false)?;
        for (name, authority) in identities.authorities() {
            fs::write(self.ca_file(name), authority.pem())?;
        }
        Ok(self.configure(place)?)
    }

    /// Lists more devices of a CA, and puts the CRL in place.
    pub(super) fn revoke(
        &mut self,
        ca: &str,
        authority: &Authority,
        serials: impl IntoIterator<Item = u64>,
    ) -> Result<(), FleetError> {
        let (number, listed) = self.crls.entry(ca.to_owned()).or_default();
        *number += 1;
        listed.extend(serials);
        let crl = authority.crl(*number, listed.iter().copied())?;
        // As it is put in place everywhere: whole, or not at all.
        let (path, new) = (self.crl_file(ca), self.folder.join("crl.new"));
        fs::write(&new, crl)?;
        Ok(fs::rename(new, path)?)
    }

    /// A host trusts these CAs from the next reload on.
    pub(super) fn trust(&mut self, host: &str, cas: &[String]) {
        self.trust.insert(host.to_owned(), cas.iter().cloned().collect());
    }

    /// Writes the configuration.
    pub(super) fn configure(&self, place: &Place) -> io::Result<()> {
        fs::write(self.config(), self.text(place))
    }

    fn ca_file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{}.pem", file(name)))
    }

    fn crl_file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{}.crl", file(name)))
    }

    fn text(&self, place: &Place) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "[server]\nmax_connections = {}", self.max_connections);
        for listen in place.listens() {
            let _ = writeln!(text, "[[listener]]\naddress = \"{listen}\"");
        }
        let _ = write!(text, "[xdp]\n{}", xdp(place));
        let (socket, metrics) = (self.folder.join("admin.sock"), self.metrics);
        let socket = socket.display();
        let _ = writeln!(text, "[admin]\nsocket = \"{socket}\"\n[metrics]\nlisten = \"{metrics}\"");
        text.push_str("[log]\naccess = \"off\"\naudit = \"off\"\n");
        for (host, protocol) in &self.hosts {
            text.push_str(&self.host(host, *protocol));
        }
        let cas: BTreeSet<_> = self.trust.values().flatten().collect();
        for ca in cas {
            let hosts: Vec<_> =
                self.trust.iter().filter(|(_, cas)| cas.contains(ca)).map(|(host, _)| host).collect();
            let (certificate, crl) = (self.ca_file(ca), self.crl_file(ca));
            let (certificate, crl) = (certificate.display(), crl.display());
            let _ = writeln!(
                text,
                "[[mtls_certificate]]\nname = {ca:?}\ncertificate = \"{certificate}\"\nassociated_hostnames = {hosts:?}\ncrl = [\"{crl}\"]"
            );
        }
        text
    }

    /// A host, and an application that permits every device of ours.
    fn host(&self, host: &str, protocol: Protocol) -> String {
        let client_auth = match self.client_auth {
            ClientAuth::Access => "access",
            ClientAuth::Require => "require",
        };
        let (Self { http_origin, mqtt_origin, .. }, organization) = (self, Authority::organization());
        let rest = match protocol {
            Protocol::Http => format!("origin = \"http://{http_origin}\"\n"),
            Protocol::Mqtt => format!(
                "protocol = \"tls\"\norigin = \"tcp://{mqtt_origin}\"\n[host.mqtt]\nclient_id = \"common_name\"\nusername = \"common_name\"\n"
            ),
        };
        format!(
            "[[host]]\nname = \"{host}\"\ncertificate = \"server.pem\"\nkey = \"server-key.pem\"\nclient_auth = \"{client_auth}\"\n{rest}\
             [[application]]\ndomain = \"{host}\"\n[[application.policy]]\nname = \"devices\"\ndecision = \"non_identity\"\n\
             include = [{{ certificate = {{}} }}]\nrequire = [{{ cert_o = {{ o = \"{organization}\" }} }}]\n"
        )
    }
}

/// What is in `[xdp]`, and behind it.
fn xdp(place: &Place) -> String {
    match place.interfaces() {
        [] => "mode = \"off\"\n[xdp.limit]\nsyn_per_source = \"off\"\nhello_per_source = \"off\"\nhello_per_host = \"off\"\n"
            .to_owned(),
        interfaces => format!("mode = \"native\"\nrequired = true\ninterfaces = {interfaces:?}\n"),
    }
}

/// A name as a file's.
fn file(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}
