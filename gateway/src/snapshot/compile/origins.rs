//! The origins of a host: whom they are trusted by, and what they are shown.

use std::sync::Arc;

use rustls::RootCertStore;

use super::Compiler;
use crate::config;
use crate::origin::{Target, TlsToOrigin, client_config};

impl Compiler<'_> {
    pub(super) fn origin(&mut self, declared: &config::Host) -> Option<Arc<Target>> {
        let origin = &declared.origin;
        let target = Target::new(origin.value.clone(), |name| {
            let config = client_config(self.system_roots()?, None, &[]).map_err(|error| error.to_string())?;
            Ok(TlsToOrigin { config: Arc::new(config), name: name.clone() })
        });
        target
            .map_err(|error: String| {
                self.error(origin.span, error, "install the system's CA certificates");
            })
            .ok()
            .map(Arc::new)
    }

    /// The CAs that the system trusts, read once.
    fn system_roots(&self) -> Result<Arc<RootCertStore>, String> {
        if let Some(roots) = self.roots.get() {
            return Ok(Arc::clone(roots));
        }
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let errors: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
            return Err(format!("the system has no CA certificates: {}", errors.join("; ")));
        }
        Ok(Arc::clone(self.roots.get_or_init(|| Arc::new(roots))))
    }
}
