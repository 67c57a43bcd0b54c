//! `ClientHello`s: those that rustls writes, and those that nobody should.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, NamedGroup, RootCertStore};

/// A ClientHello as bytes, made of parts that can each be wrong.
#[derive(Clone, Debug)]
pub struct Hello {
    extensions: Vec<(u16, Vec<u8>)>,
    session_id: Vec<u8>,
    cipher_suites: Vec<u8>,
}

impl Default for Hello {
    fn default() -> Self {
        Self { extensions: vec![], session_id: vec![7; 32], cipher_suites: vec![0x13, 0x01] }
    }
}

impl Hello {
    /// A hello that names `name`, with an extension before and one behind.
    pub fn naming(name: &str) -> Self {
        Self::default().extension(0x0a0a, &[0]).server_name(name.as_bytes()).extension(43, &[2, 3, 4])
    }

    /// One more extension.
    #[must_use]
    pub fn extension(mut self, number: u16, content: &[u8]) -> Self {
        self.extensions.push((number, content.into()));
        self
    }

    /// One more `server_name` extension, with one host name.
    #[must_use]
    pub fn server_name(self, name: &[u8]) -> Self {
        let mut entry = vec![0];
        entry.extend(length(name.len()));
        entry.extend(name);
        self.server_names(&entry)
    }

    /// One more `server_name` extension, with this list.
    #[must_use]
    pub fn server_names(self, list: &[u8]) -> Self {
        let mut content = length(list.len()).to_vec();
        content.extend(list);
        self.extension(0, &content)
    }

    /// A legacy session id of this length.
    #[must_use]
    pub fn session_id(self, len: usize) -> Self {
        Self { session_id: vec![7; len], ..self }
    }

    /// The handshake message, without a record around it.
    pub fn message(&self) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([9; 32]);
        body.push(u8::try_from(self.session_id.len()).expect("255 at most"));
        body.extend(&self.session_id);
        body.extend(length(self.cipher_suites.len()));
        body.extend(&self.cipher_suites);
        body.extend([1, 0]);
        if !self.extensions.is_empty() {
            let extensions: Vec<u8> = self
                .extensions
                .iter()
                .flat_map(|(number, content)| {
                    [number.to_be_bytes().to_vec(), length(content.len()).to_vec(), content.clone()].concat()
                })
                .collect();
            body.extend(length(extensions.len()));
            body.extend(extensions);
        }
        let mut message = vec![1, 0];
        message.extend(length(body.len()));
        message.extend(body);
        message
    }

    /// One record with the whole message.
    pub fn record(&self) -> Vec<u8> {
        record(&self.message())
    }
}

/// A TLS handshake record around `content`.
pub fn record(content: &[u8]) -> Vec<u8> {
    [&[22, 3, 1][..], &length(content.len()), content].concat()
}

/// What rustls sends first for `name`, with its default, post-quantum, key shares.
pub fn from_rustls(name: &str) -> Vec<u8> {
    by_rustls(name, rustls::crypto::aws_lc_rs::default_provider())
}

/// What rustls sends first for `name` without post-quantum key shares: it fits one segment.
pub fn classic(name: &str) -> Vec<u8> {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.kx_groups.retain(|group| group.name() == NamedGroup::X25519);
    by_rustls(name, provider)
}

fn by_rustls(name: &str, provider: CryptoProvider) -> Vec<u8> {
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .expect("rustls has protocol versions")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).expect("a valid name");
    let mut client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut bytes = vec![];
    client.write_tls(&mut bytes).expect("writing to memory");
    bytes
}

fn length(len: usize) -> [u8; 2] {
    u16::try_from(len).expect("lengths are 16 bits").to_be_bytes()
}
