//! An upload with everything that is read from its certificates.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;

use crate::device::ca::{CaBundle, CaError, CaRules};
use crate::device::revocation::{Issuer, IssuerError};

/// A CA chain that passed its checks, as verification and as revocation know it.
#[derive(Debug)]
pub(super) struct Authority {
    pub(super) bundle: Arc<CaBundle>,
    /// Anchors first, then intermediates.
    pub(super) issuers: Vec<Issuer>,
}

/// Why an upload is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuthorityError {
    #[error(transparent)]
    Ca(#[from] CaError),
    #[error(transparent)]
    Issuer(#[from] IssuerError),
}

impl Authority {
    pub(super) fn new(
        name: &str,
        certificates: Vec<CertificateDer<'static>>,
        rules: CaRules,
    ) -> Result<Self, AuthorityError> {
        let bundle = CaBundle::new(name, certificates, rules)?;
        let certificates = bundle.anchors.iter().map(|anchor| &anchor.der).chain(&bundle.intermediates);
        let issuers = certificates.map(|der| Issuer::read(der)).collect::<Result<_, _>>()?;
        Ok(Self { bundle: Arc::new(bundle), issuers })
    }
}
