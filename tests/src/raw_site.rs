//! One host over HTTP, one CA of devices, and an origin that says what the test has it say.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::byte_origin::ByteOrigin;
use crate::client::Connection;
use crate::gateway::{Gateway, Setup};
use crate::site::{HOST, Site};

/// A short answer.
pub const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// What stands around a gateway.
pub struct RawSite {
    /// PKI and clients. Its own origin hears nothing.
    pub site: Site,
    /// Where permitted requests go.
    pub origin: ByteOrigin,
}

impl RawSite {
    /// Builds it.
    pub fn new() -> Self {
        Self { site: Site::new(), origin: ByteOrigin::start() }
    }

    /// The usual configuration: devices of the CA pass.
    pub fn setup(&self) -> Setup {
        self.site.setup().replace(&self.site.origin.url(), &format!("http://{}", self.origin.address()))
    }

    /// The good device, over HTTP/1.1.
    pub fn connect(&self, gateway: &Gateway) -> Connection {
        self.site.client().connect(gateway.address(), HOST).expect("a handshake")
    }
}

impl Default for RawSite {
    fn default() -> Self {
        Self::new()
    }
}

/// The head of the next request at the origin, in lower case.
pub fn head(origin: &mut TcpStream) -> String {
    up_to_an_empty_line(|| {
        let mut byte = [0];
        origin.read_exact(&mut byte).map(|()| byte[0]).expect("a request")
    })
}

/// The head of the next answer at the device, interim ones too, in lower case.
pub fn answer(device: &mut Connection) -> String {
    up_to_an_empty_line(|| device.read(1).expect("an answer")[0])
}

/// Has the origin answer the next request on this connection.
pub fn say(origin: &mut TcpStream, answer: &str) {
    head(origin);
    origin.write_all(answer.as_bytes()).expect("a gateway that listens");
}

fn up_to_an_empty_line(mut next: impl FnMut() -> u8) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(next());
    }
    String::from_utf8_lossy(&head).to_lowercase()
}
