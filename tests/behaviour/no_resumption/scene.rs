//! Three hosts, a CA and a device for each, and OpenSSL's client with the sessions that it keeps.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use fleetgate_tests::client::{Printed, SClient, SServer};
use fleetgate_tests::gateway::{Host, Setup, quoted};
use fleetgate_tests::pki::{Ca, Identity};
use fleetgate_tests::site::Site;
use tempfile::TempDir;

/// A way to carry a session from one connection to the next.
#[derive(Debug)]
pub(super) struct Way {
    client: &'static [&'static str],
    server: &'static [&'static str],
    pub(super) early_data: bool,
}

pub(super) const ID_12: Way =
    Way { client: &["-tls1_2", "-no_ticket"], server: &["-no_ticket"], early_data: false };
pub(super) const TICKET_12: Way = Way { client: &["-tls1_2"], server: &[], early_data: false };
pub(super) const TICKET_13: Way = Way { client: &["-tls1_3"], server: &[], early_data: false };
pub(super) const EARLY_13: Way =
    Way { client: &["-tls1_3"], server: &["-max_early_data", "16384"], early_data: true };

/// Each has its own CA: the first CA for the first host, and so on.
pub(super) const HOSTS: [&str; 3] = ["a.example.com", "b.example.com", "c.example.com"];

/// What a request says that was sent before its handshake was complete.
pub(super) const EARLY: &str = "/early";

/// What stands around a gateway.
pub(super) struct Scene {
    pub(super) site: Site,
    pub(super) devices: [Identity; 3],
    cas: [Ca; 3],
    /// Of all hosts, and of the other front.
    identity: Identity,
    folder: TempDir,
}

/// A session that was kept, or not: then there is no such file.
pub(super) struct Kept {
    path: PathBuf,
    host: usize,
}

impl Scene {
    pub(super) fn new() -> Self {
        let site = Site::new();
        let cas = HOSTS.map(|name| Ca::root(&format!("Devices of {name}")));
        let scene = Self {
            identity: site.servers.server(&HOSTS),
            devices: cas.each_ref().map(|ca| ca.device("device-1")),
            cas,
            site,
            folder: TempDir::new().unwrap(),
        };
        scene.put_crl(1, &[]);
        fs::write(scene.file("early"), format!("GET {EARLY} HTTP/1.1\r\nHost: {}\r\n\r\n", HOSTS[0]))
            .unwrap();
        scene
    }

    /// Replaces the CRL of the first host's CA.
    pub(super) fn put_crl(&self, number: u64, revoked: &[&Identity]) {
        fs::write(self.file("new"), self.cas[0].crl(number, revoked)).unwrap();
        fs::rename(self.file("new"), self.file("crl")).unwrap();
    }

    /// All hosts, with their applications and CAs, and `client_auth` of each.
    pub(super) fn setup(&self, modes: [&str; 3]) -> Setup {
        let (ca, crl, host) = (quoted(&self.cas[0].path), quoted(&self.file("crl")), HOSTS[0]);
        let first =
            format!("name = \"0\"\ncertificate = {ca}\nassociated_hostnames = [{host:?}]\ncrl = [{crl}]");
        self.setup_without_its_ca(modes).array("mtls_certificate", first)
    }

    /// The same without the first host's CA.
    pub(super) fn setup_without_its_ca(&self, modes: [&str; 3]) -> Setup {
        let setup = (0..3).fold(Setup::default(), |setup, n| {
            let host = Host::new(HOSTS[n], &self.identity, &self.site.origin.url()).client_auth(modes[n]);
            // A host that asks nobody for a certificate is open without an application.
            if modes[n] == "none" { setup.host(host) } else { setup.host(host).devices_only(HOSTS[n]) }
        });
        (1..3).fold(setup, |setup, n| setup.trust(&n.to_string(), &self.cas[n].path, &[HOSTS[n]]))
    }

    /// Another front with the hosts' own certificate and key, which resumes sessions as OpenSSL does.
    pub(super) fn front(&self, way: &Way) -> SServer {
        SServer::start(&self.identity, &self.cas[0], way.server)
    }

    /// A connection to a host with its device's certificate, which keeps the session where there is one to keep.
    pub(super) fn first(&self, at: SocketAddr, way: &Way, host: usize) -> (Printed, Kept) {
        let kept = Kept { path: self.file(&format!("session-{}-{host}", at.port())), host };
        let client = self.client(at, way, host).identity(&self.devices[host]).file("-sess_out", &kept.path);
        (client.get("/first"), kept)
    }

    /// A connection to a host that offers what was kept.
    pub(super) fn second(
        &self,
        at: SocketAddr,
        way: &Way,
        kept: &Kept,
        host: usize,
        identity: Option<&Identity>,
    ) -> Printed {
        let mut client = self.client(at, way, host);
        if let Some(identity) = identity {
            client = client.identity(identity);
        }
        if kept.exists() {
            client = client.file("-sess_in", &kept.path);
            // OpenSSL's client by itself sends no early data to another host than the session's.
            if way.early_data && kept.host == host {
                client = client.file("-early_data", &self.file("early"));
            }
        }
        client.get("/second")
    }

    /// A client that does what OpenSSL does when it is asked to connect again, five times.
    pub(super) fn reconnect(&self, at: SocketAddr, way: &Way, host: usize) -> Printed {
        self.client(at, way, host).identity(&self.devices[host]).args(&["-reconnect"]).get("/reconnect")
    }

    fn client(&self, at: SocketAddr, way: &Way, host: usize) -> SClient {
        SClient::to(at, HOSTS[host]).file("-CAfile", &self.site.servers.path).args(way.client)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Kept {
    pub(super) fn exists(&self) -> bool {
        Path::exists(&self.path)
    }
}
