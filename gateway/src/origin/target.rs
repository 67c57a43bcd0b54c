//! An origin, ready to be connected to.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use crate::model::origin::{OriginUrl, Place};

/// An origin with all that it takes to connect to it.
#[derive(Debug)]
pub struct Target {
    /// Its address.
    pub url: OriginUrl,
    /// What it is called in metrics: its address as text.
    pub label: Arc<str>,
    tls: Option<TlsToOrigin>,
}

/// TLS to an origin.
#[derive(Clone, Debug)]
pub struct TlsToOrigin {
    /// Whom we trust, what we show, and what we offer by ALPN.
    pub config: Arc<ClientConfig>,
    /// The name in SNI, which its certificate must be for.
    pub name: ServerName<'static>,
}

impl Target {
    /// The origin at `url`. Where the way to it is over TLS, `tls` says how, and is told its host.
    ///
    /// # Errors
    /// What `tls` fails with.
    pub fn new<E>(
        url: OriginUrl,
        tls: impl FnOnce(&ServerName<'static>) -> Result<TlsToOrigin, E>,
    ) -> Result<Self, E> {
        let tls = match url.place() {
            Place::Port { host, .. } if url.is_tls() => Some(tls(host)?),
            Place::Port { .. } | Place::Socket(_) => None,
        };
        Ok(Self { label: url.to_string().into(), url, tls })
    }

    /// How it is spoken to over TLS, where it is.
    pub fn tls(&self) -> Option<&TlsToOrigin> {
        self.tls.as_ref()
    }
}
