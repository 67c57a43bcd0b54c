//! The usual scene: one host, one CA of devices, one origin.

use std::net::SocketAddr;

use crate::client::{Curl, Http2, Tls};
use crate::gateway::{Gateway, Host, Setup};
use crate::origin::Origin;
use crate::pki::{Ca, Identity};

/// The host that everything is about.
pub const HOST: &str = "iot.example.com";

/// What stands around a gateway.
pub struct Site {
    /// The CA of hosts.
    pub servers: Ca,
    /// The host's identity.
    pub server: Identity,
    /// The CA of devices.
    pub devices: Ca,
    /// A good device.
    pub device: Identity,
    /// Where permitted requests go.
    pub origin: Origin,
}

impl Site {
    /// Builds it; the origin is in the calling thread's network namespace.
    pub fn new() -> Self {
        let (servers, devices) = (Ca::root("Server Root"), Ca::root("Device Root"));
        let (server, device) = (servers.server(&[HOST]), devices.device("device-1"));
        Self { servers, server, devices, device, origin: Origin::start() }
    }

    /// The host, as it is configured.
    pub fn host(&self) -> Host {
        Host::new(HOST, &self.server, &self.origin.url())
    }

    /// A configuration with the host and its application, and without any CA.
    pub fn untrusting(&self) -> Setup {
        Setup::default().host(self.host()).devices_only(HOST)
    }

    /// The usual configuration: devices of the CA pass.
    pub fn setup(&self) -> Setup {
        self.untrusting().trust("devices", &self.devices.path, &[HOST])
    }

    /// A gateway with the usual configuration.
    pub fn start(&self) -> Gateway {
        Gateway::start(self.setup())
    }

    /// curl, without a certificate, for a path of the host.
    pub fn curl(&self, address: SocketAddr, path: &str) -> Curl {
        Curl::get(address, &self.servers.path, &format!("https://{HOST}{path}"))
    }

    /// An HTTP/2 client with the good device's certificate. Where there is none, the test is listed as skipped.
    pub fn http2(&self, address: SocketAddr) -> Option<Http2> {
        Http2::new(address, HOST, &self.servers, Some(&self.device))
    }

    /// A rustls client without a certificate.
    pub fn anonymous(&self) -> Tls {
        Tls::trusting(&self.servers)
    }

    /// A rustls client with the good device's certificate.
    pub fn client(&self) -> Tls {
        self.anonymous().identity(&self.device)
    }
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}
