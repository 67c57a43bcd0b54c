//! The origins of a host: whom they are trusted by, and what they are shown.

use std::path::PathBuf;

use http::HeaderValue;
use rustls::Error as TlsError;

use super::Compiler;
use crate::config::{self, HealthCheck, HostOrigin, Span, Spanned};
use crate::model::hostname::HostPattern;
use crate::model::origin::{OriginUrl, Place};
use crate::origin::{Balance, Check, ClientTls, Identity, Origins, Roots, Target};

/// What one of a host's origins is asked whether it is well.
fn check(declared: &config::Host, url: &OriginUrl) -> Option<Check> {
    let HealthCheck { path, interval } = declared.origin.health.clone()?;
    let host = match (&declared.origin.host, &declared.name.value, url.place()) {
        (Some(host), ..) => host.clone(),
        (None, HostPattern::Exact(name), _) => HeaderValue::from_str(name.as_str()).ok()?,
        (None, HostPattern::Wildcard(_), Place::Port { host, .. }) => {
            HeaderValue::from_str(&host.to_str()).ok()?
        }
        (None, HostPattern::Wildcard(_), Place::Socket(_)) => HeaderValue::from_static("localhost"),
    };
    Some(Check { path, host, interval })
}

impl Compiler<'_> {
    /// `None` when there is a problem, which was noted.
    pub(super) fn origins(&mut self, declared: &config::Host) -> Option<Origins> {
        let origin = &declared.origin;
        let first = origin.urls.first()?.span;
        let has_tls = origin.urls.iter().any(|url| url.value.is_tls());
        let tls = if has_tls { Some(self.client_tls(origin, first)?) } else { None };
        if !has_tls {
            self.warn_of_useless_tls(origin);
        }
        let targets = origin.urls.iter().map(|url| {
            let check = check(declared, &url.value);
            Target::new(url.value.clone(), origin.http, check, |host| {
                let name = origin.name.as_ref().map_or(host, |name| &name.value);
                tls.as_ref().map(|tls| tls.to(name.clone())).ok_or(())
            })
        });
        let targets = targets.collect::<Result<_, ()>>().ok()?;
        let balance = if origin.by_device { Balance::Device } else { Balance::LeastRequests };
        Origins::new(targets, balance, origin.host.clone())
    }

    fn client_tls(&mut self, origin: &HostOrigin, first: Span) -> Option<ClientTls> {
        let roots = match &origin.ca {
            Some(path) => self.roots_of(path)?,
            None => self.system_roots(first)?,
        };
        let identity = match &origin.identity {
            Some((certificate, key)) => Some(self.identity(certificate, key)?),
            None => None,
        };
        let tls = ClientTls::new(&roots, identity.as_ref(), origin.carries, origin.http);
        let span = origin.identity.as_ref().map_or(first, |(_, key)| key.span);
        let failed = |error: TlsError| match error {
            TlsError::InconsistentKeys(_) => (
                "the private key does not belong to `origin_certificate`".to_owned(),
                "name the key that the certificate was issued for",
            ),
            error => (
                format!("the certificate and key for origins cannot be used: {error}"),
                "use an RSA, ECDSA or Ed25519 certificate, leaf first",
            ),
        };
        tls.map_err(failed).map_err(|(message, remedy)| self.error(span, message, remedy)).ok()
    }

    fn roots_of(&mut self, path: &Spanned<PathBuf>) -> Option<Roots> {
        let roots = Roots::new(self.certificates(path)?);
        if roots.is_none() {
            let message = format!("{} holds no CA certificate that can be read", path.value.display());
            self.error(path.span, message, "name a PEM file with the CAs of the origins' certificates");
        }
        roots
    }

    /// The CAs that the system trusts, read once.
    fn system_roots(&mut self, span: Span) -> Option<Roots> {
        let load = || {
            let found = rustls_native_certs::load_native_certs();
            Roots::new(found.certs).ok_or(found.errors)
        };
        let roots = self.files.system_roots(load);
        roots
            .map_err(|errors| {
                let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
                let message = format!("the system has no CA certificates: {}", errors.join("; "));
                self.error(span, message, "install them, or name the origin's CA in origin_ca");
            })
            .ok()
    }

    fn identity(&mut self, certificate: &Spanned<PathBuf>, key: &Spanned<PathBuf>) -> Option<Identity> {
        let chain = self.certificates(certificate);
        let key = self
            .files
            .key(&self.source.resolve(&key.value))
            .map_err(|error| {
                self.error(
                    key.span,
                    error.to_string(),
                    "name the PEM file with the certificate's private key",
                );
            })
            .ok();
        Some(Identity { chain: chain?, key: key? })
    }

    fn warn_of_useless_tls(&mut self, origin: &HostOrigin) {
        let spans = [
            ("origin_ca", origin.ca.as_ref().map(|ca| ca.span)),
            ("origin_certificate", origin.identity.as_ref().map(|(certificate, _)| certificate.span)),
            ("origin_name", origin.name.as_ref().map(|name| name.span)),
        ];
        for (key, span) in spans {
            if let Some(span) = span {
                let message = format!("`{key}` does nothing: no origin of this host is spoken to over TLS");
                self.warn(span, message, "write https:// in origin, or take it out");
            }
        }
    }
}
