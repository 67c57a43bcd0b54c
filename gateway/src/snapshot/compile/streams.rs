//! What a host says about byte streams.

use std::sync::Arc;

use rustls::ServerConfig;

use super::Compiler;
use crate::access::{AccessTable, Sessions};
use crate::config::{self, ClientAuth, Protocol, ProxyProtocol, Spanned};
use crate::device::trust::{Rules, TrustSet};
use crate::model::destination::Destination;
use crate::model::forwarding::Forwarding;
use crate::model::hostname::HostPattern;
use crate::model::limit::DeviceLimit;
use crate::snapshot::{CertificateFacts, Host};

impl<'a> Compiler<'a> {
    /// XDP protects ports, whatever the address: one port cannot be both.
    pub(super) fn check_proxied(&mut self) {
        let config = self.config;
        let (proxied, direct): (Vec<_>, Vec<_>) =
            config.listeners.iter().partition(|listener| listener.proxy_protocol);
        for listener in proxied {
            let port = listener.address.value.port();
            if direct.iter().any(|direct| direct.address.value.port() == port) {
                let message = format!("port {port} is another listener's without `proxy_protocol`");
                self.error(listener.address.span, message, "give it a port of its own");
            }
        }
    }

    /// A host whose TLS goes through. There is nothing to decide by: an application of its own would never be asked.
    pub(super) fn passthrough(&mut self, declared: &config::Host) -> Option<Host> {
        let pattern = &declared.name.value;
        for destination in self.destinations_of(pattern) {
            let message = format!("the TLS of `{pattern}` goes through; no application is asked about it");
            self.error(destination.span, message, "take it out, or say protocol = \"tls\"");
        }
        let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
        Some(Host {
            pattern: pattern.clone(),
            label: pattern.to_string().into(),
            protocol: declared.protocol,
            proxy_protocol: declared.proxy_protocol.value,
            mqtt: None,
            upgrades: Vec::new(),
            client_auth: ClientAuth::None,
            tls: None,
            trust: Arc::new(TrustSet::new([], algorithms, Rules::default())),
            sessions: Sessions::default(),
            access: AccessTable::default(),
            origins: self.origins(declared)?,
            forwarding: Forwarding::default(),
            limit: DeviceLimit::default(),
            cpus: declared.cpus.value.clone(),
            certificate_not_after: 0,
            certificate_facts: CertificateFacts::default(),
        })
    }

    /// Checks what is for byte streams only. Behind their TLS, ALPN has only what the operator knows of it.
    pub(super) fn stream(&mut self, declared: &config::Host, config: &mut ServerConfig) {
        let Spanned { value: names, span } = &declared.alpn;
        if names.iter().any(|name| !(1..=255).contains(&name.len())) {
            self.error(*span, "a name for ALPN has from 1 to 255 octets", "write it as in alpn = [\"mqtt\"]");
        }
        if declared.protocol == Protocol::Tls {
            self.warn_of_paths(&declared.name.value);
            config.alpn_protocols = names.iter().map(|name| name.clone().into_bytes()).collect();
            return;
        }
        let remedy = "take it out, or say protocol = \"tls\"";
        if !names.is_empty() {
            self.error(*span, "`alpn` is for byte streams", remedy);
        }
        if let Some(mqtt) = &declared.mqtt {
            let message = "`mqtt` is for byte streams; it does nothing here".to_owned();
            self.warn(mqtt.span, message, remedy);
        }
        if declared.proxy_protocol.value != ProxyProtocol::Off {
            self.error(declared.proxy_protocol.span, "`proxy_protocol` is for byte streams", remedy);
        }
    }

    /// A byte stream has no path: an application for one is never asked.
    fn warn_of_paths(&mut self, pattern: &HostPattern) {
        for destination in self.destinations_of(pattern).filter(|found| !found.value.path.is_root()) {
            let message =
                format!("`{pattern}` carries bytes, which have no path; nothing asks this application");
            self.warn(destination.span, message, "take the path out");
        }
    }

    /// Where applications are that are declared for exactly these names.
    fn destinations_of(
        &self,
        pattern: &HostPattern,
    ) -> impl Iterator<Item = &'a Spanned<Destination>> + use<'a> {
        let text = pattern.to_string();
        let all = self.resources.applications.iter().flat_map(|application| &application.destinations);
        all.filter(move |destination| destination.value.domain.to_string() == text)
    }
}
