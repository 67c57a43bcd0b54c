//! The usual scene for byte streams: one host with `protocol = "tls"`, one CA of devices, an origin of bytes.

use std::net::TcpStream;

use crate::byte_origin::ByteOrigin;
use crate::client::{Connection, Tls};
use crate::gateway::{Gateway, Host, Setup};
use crate::site::{HOST, Site};

/// What stands around a gateway.
pub struct StreamSite {
    /// PKI and clients.
    pub site: Site,
    /// Where permitted bytes go.
    pub origin: ByteOrigin,
}

impl StreamSite {
    /// Builds it.
    pub fn new() -> Self {
        Self { site: Site::new(), origin: ByteOrigin::start() }
    }

    /// The host, as it is configured.
    pub fn host(&self) -> Host {
        self.host_to(&self.origin.url())
    }

    /// The host with another origin.
    pub fn host_to(&self, origin: &str) -> Host {
        Host::new(HOST, &self.site.server, origin).line("protocol = \"tls\"")
    }

    /// The usual configuration around `host`: devices of the CA pass.
    pub fn setup_with(&self, host: Host) -> Setup {
        Setup::default().host(host).devices_only(HOST).trust("devices", &self.site.devices.path, &[HOST])
    }

    /// A gateway with the usual configuration.
    pub fn start(&self) -> Gateway {
        Gateway::start(self.setup_with(self.host()))
    }

    /// The good device, and what the origin sees of it.
    pub fn connect(&self, gateway: &Gateway) -> (Connection, TcpStream) {
        self.connect_as(&self.site.client(), gateway)
    }

    /// The same for another device.
    pub fn connect_as(&self, client: &Tls, gateway: &Gateway) -> (Connection, TcpStream) {
        let device = client.connect(gateway.address(), HOST).expect("a handshake");
        (device, self.origin.accept())
    }
}

impl Default for StreamSite {
    fn default() -> Self {
        Self::new()
    }
}
