//! What a host says about byte streams.

use rustls::ServerConfig;

use super::Compiler;
use crate::config::{self, Protocol, ProxyProtocol, Spanned};

impl Compiler<'_> {
    /// Checks what is for byte streams only. Behind their TLS, ALPN has only what the operator knows of it.
    pub(super) fn stream(&mut self, declared: &config::Host, config: &mut ServerConfig) {
        let Spanned { value: names, span } = &declared.alpn;
        if names.iter().any(|name| !(1..=255).contains(&name.len())) {
            self.error(*span, "a name for ALPN has from 1 to 255 octets", "write it as in alpn = [\"mqtt\"]");
        }
        if declared.protocol == Protocol::Tls {
            config.alpn_protocols = names.iter().map(|name| name.clone().into_bytes()).collect();
            return;
        }
        let remedy = "take it out, or say protocol = \"tls\"";
        if !names.is_empty() {
            self.error(*span, "`alpn` is for byte streams", remedy);
        }
        if declared.proxy_protocol.value != ProxyProtocol::Off {
            self.error(declared.proxy_protocol.span, "`proxy_protocol` is for byte streams", remedy);
        }
    }
}
