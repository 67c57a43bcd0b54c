//! A blocking rustls client, for exact control: which certificate, which name, which version.

use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, NamedGroup, RootCertStore, StreamOwned,
    SupportedProtocolVersion, version,
};

use crate::message::Message;
use crate::pki::{Ca, Identity};
use crate::wait;

/// How connections are made.
#[derive(Clone, Debug)]
pub struct Tls {
    root: CertificateDer<'static>,
    identity: Option<CertifiedKey>,
    versions: Vec<&'static SupportedProtocolVersion>,
    /// Key exchanges; none: rustls' own.
    groups: Vec<NamedGroup>,
    sni: bool,
    alpn: Vec<Vec<u8>>,
}

/// A connection whose handshake is done on our side. With TLS 1.3 the server's verdict is still to come.
pub struct Connection(BufReader<StreamOwned<ClientConnection, TcpStream>>);

impl Tls {
    /// A client that expects a server of this CA, and has no certificate.
    pub fn trusting(ca: &Ca) -> Self {
        let versions = vec![&version::TLS13, &version::TLS12];
        let (root, groups, alpn) = (ca.certificate.clone(), vec![], vec![]);
        Self { root, identity: None, versions, groups, sni: true, alpn }
    }

    /// With a device's certificate.
    #[must_use]
    pub fn identity(self, identity: &Identity) -> Self {
        self.stolen(identity, identity)
    }

    /// With the certificate of one and the key of another: what a thief of certificates has.
    #[must_use]
    pub fn stolen(self, certificate: &Identity, key: &Identity) -> Self {
        let key = any_supported_type(&key.private_key()).expect("a key");
        // Nobody checks here whether they belong together: that is the gateway's to find out.
        Self { identity: Some(CertifiedKey::new(certificate.chain.clone(), key)), ..self }
    }

    /// With TLS 1.2 only.
    #[must_use]
    pub fn tls12(self) -> Self {
        Self { versions: vec![&version::TLS12], ..self }
    }

    /// With these key exchanges and no others.
    #[must_use]
    pub fn groups(self, groups: &[NamedGroup]) -> Self {
        Self { groups: groups.to_vec(), ..self }
    }

    /// Without a server name in the hello.
    #[must_use]
    pub fn without_sni(self) -> Self {
        Self { sni: false, ..self }
    }

    /// Offering a protocol by ALPN, besides those before.
    #[must_use]
    pub fn alpn(mut self, name: &str) -> Self {
        self.alpn.push(name.into());
        self
    }

    /// Connects to the host `name` at `address`.
    ///
    /// # Errors
    /// When the handshake fails; [`alert`] tells which alert came.
    pub fn connect(&self, address: SocketAddr, name: &str) -> io::Result<Connection> {
        self.connect_behind(&[], address, name)
    }

    /// The same, with the hello sent as `cut` makes it of its one record, each piece in a write of its own.
    ///
    /// # Errors
    /// When the handshake fails.
    pub fn connect_cut(
        &self,
        address: SocketAddr,
        name: &str,
        cut: impl FnOnce(&[u8]) -> Vec<Vec<u8>>,
    ) -> io::Result<Connection> {
        self.connect_with(&[], address, name, cut)
    }

    /// The same, with these octets in front of the handshake, as a load balancer would send them.
    ///
    /// # Errors
    /// When the handshake fails.
    pub fn connect_behind(&self, header: &[u8], address: SocketAddr, name: &str) -> io::Result<Connection> {
        self.connect_with(header, address, name, |hello| vec![hello.to_vec()])
    }

    fn connect_with(
        &self,
        header: &[u8],
        address: SocketAddr,
        name: &str,
        cut: impl FnOnce(&[u8]) -> Vec<Vec<u8>>,
    ) -> io::Result<Connection> {
        let mut stream = TcpStream::connect_timeout(&address, wait::DEADLINE)?;
        stream.write_all(header)?;
        self.begin(stream, name, cut)
    }

    /// The same over a connection that is there already.
    ///
    /// # Errors
    /// When the handshake fails.
    pub fn connect_over(&self, stream: TcpStream, name: &str) -> io::Result<Connection> {
        self.begin(stream, name, |hello| vec![hello.to_vec()])
    }

    fn begin(
        &self,
        mut stream: TcpStream,
        name: &str,
        cut: impl FnOnce(&[u8]) -> Vec<Vec<u8>>,
    ) -> io::Result<Connection> {
        stream.set_read_timeout(Some(wait::DEADLINE))?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let mut connection = ClientConnection::new(self.config(), name).expect("a client");
        let mut hello = Vec::new();
        connection.write_tls(&mut hello)?;
        cut(&hello).iter().try_for_each(|piece| stream.write_all(piece))?;
        let mut stream = StreamOwned::new(connection, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Connection(BufReader::new(stream)))
    }

    fn config(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).expect("a root");
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        if !self.groups.is_empty() {
            provider.kx_groups.retain(|group| self.groups.contains(&group.name()));
        }
        let builder =
            ClientConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(&self.versions);
        let builder = builder.expect("protocol versions").with_root_certificates(roots);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity.clone())))
            }
        };
        config.enable_sni = self.sni;
        config.alpn_protocols.clone_from(&self.alpn);
        Arc::new(config)
    }
}

impl Connection {
    /// A GET with a Host header, and its response.
    ///
    /// # Errors
    /// When the connection ends instead.
    pub fn get(&mut self, host: &str, path: &str) -> io::Result<Message> {
        self.exchange(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
    }

    /// Any bytes, and the response to them.
    ///
    /// # Errors
    /// When the connection ends instead.
    pub fn exchange(&mut self, request: &str) -> io::Result<Message> {
        self.send(request)?;
        self.receive()
    }

    /// Any bytes.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn send(&mut self, request: &str) -> io::Result<()> {
        self.0.get_mut().write_all(request.as_bytes())?;
        self.0.get_mut().flush()
    }

    /// Its socket.
    pub fn socket(&self) -> &TcpStream {
        &self.0.get_ref().sock
    }

    /// Where it comes from.
    pub fn local_address(&self) -> SocketAddr {
        self.0.get_ref().sock.local_addr().expect("its address")
    }

    /// Any bytes, those that are not text too.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(bytes)?;
        self.0.get_mut().flush()
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// When the connection ends before.
    pub fn read(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).map(|()| bytes)
    }

    /// Everything until the other side says that it is done.
    ///
    /// # Errors
    /// When it ends without saying so.
    pub fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).map(|_| bytes)
    }

    /// Says that nothing more comes from this side; the other may go on.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn finish(&mut self) -> io::Result<()> {
        let stream = self.0.get_mut();
        stream.conn.send_close_notify();
        while stream.conn.wants_write() {
            stream.conn.write_tls(&mut stream.sock)?;
        }
        stream.sock.shutdown(std::net::Shutdown::Write)
    }

    /// The next response.
    ///
    /// # Errors
    /// When the connection ends instead.
    pub fn receive(&mut self) -> io::Result<Message> {
        Message::read_response(&mut self.0)
    }
}

/// The alert behind an error.
pub fn alert(error: &io::Error) -> Option<AlertDescription> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}
