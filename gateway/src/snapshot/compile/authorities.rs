//! `[[mtls_certificate]]`: CA chains, checked, and what the revocation index needs of them.

use std::sync::Arc;

use super::{Associated, Compiler, covers};
use crate::config::{self, CrlExpired, Span, Spanned};
use crate::crl::{Authority, Points, Settings, Source, Wanted};
use crate::device::ca::{Anchor, CaBundle, CaRules};
use crate::device::refusal;
use crate::device::revocation::{Issuer, OnExpired};

impl<'a> Compiler<'a> {
    /// Every mTLS certificate that passed its checks.
    pub(super) fn bundles(&mut self) -> Vec<Associated<'a>> {
        let config = self.config;
        let mut bundles: Vec<Associated<'_>> = Vec::new();
        for declared in &config.mtls_certificates {
            for name in &declared.associated_hostnames {
                if !config.hosts.iter().any(|host| covers(&name.value, &host.name.value)) {
                    let message = format!("no host serves `{}`; this association is unused", name.value);
                    self.warn(
                        name.span,
                        message,
                        "add a [[host]] with this name, or take the association out",
                    );
                }
            }
            let span = declared.certificate.span;
            let Some(certificates) = self.certificates(&declared.certificate) else { continue };
            let rules = CaRules { allow_sha1: declared.allow_sha1, algorithms: config.server.ca_algorithms };
            match CaBundle::new(&declared.name, certificates, rules) {
                Ok(bundle) => {
                    self.check_dates(&bundle, span);
                    self.check_uploaded_once(&bundle, &bundles, span);
                    bundles.push(Associated { bundle, declared });
                }
                Err(error) => {
                    let path = self.source.resolve(&declared.certificate.value);
                    let remedy =
                        "upload the CA's own certificate chain, without device or server certificates";
                    self.error(span, format!("{}: {error}", path.display()), remedy);
                }
            }
        }
        bundles
    }

    /// What the revocation index needs: every CA, and how CRLs are fetched and kept.
    pub(super) fn revocation(&mut self, bundles: &[Associated<'_>]) -> Wanted {
        let config::Crl { max_size, timeout, refresh, allow_private, ca } = &self.config.crl;
        let settings = Settings {
            max_size: *max_size as usize,
            timeout: *timeout,
            refresh: *refresh,
            allow_private: *allow_private,
            roots: ca.as_ref().and_then(|path| self.certificates(path)),
            max_denied: self.config.denied.max_entries as usize,
            state_dir: self.config.server.state_dir(self.source),
        };
        let authorities = bundles.iter().filter_map(|associated| self.authority(associated)).collect();
        Wanted { authorities, settings }
    }

    /// The CA as the revocation index knows it, with the sources of its CRLs.
    fn authority(&mut self, associated: &Associated<'_>) -> Option<Authority> {
        let Associated { bundle, declared } = associated;
        let certificates = bundle.anchors.iter().map(|anchor| &anchor.der).chain(&bundle.intermediates);
        let issuers = match certificates.map(|der| Issuer::read(der)).collect::<Result<Vec<_>, _>>() {
            Ok(issuers) => issuers,
            Err(error) => {
                self.error(
                    declared.certificate.span,
                    error.to_string(),
                    "upload the CA's own certificate chain",
                );
                return None;
            }
        };
        if declared.allow_sha1 {
            let message =
                format!("`{}` may sign with SHA-1: who can choose what it signs can forge", declared.name);
            self.warn(
                declared.certificate.span,
                message,
                "have the CA issue with SHA-256, and take allow_sha1 out",
            );
        }
        Some(Authority {
            name: Arc::clone(&bundle.name),
            issuers,
            sources: self.sources(associated),
            on_expired: match declared.crl_expired {
                CrlExpired::Hard => OnExpired::Hard,
                CrlExpired::Soft => OnExpired::Soft,
            },
            allow_sha1: declared.allow_sha1,
        })
    }

    /// Where the CRLs of a CA come from.
    fn sources(&mut self, associated: &Associated<'_>) -> Vec<Spanned<Source>> {
        let Associated { bundle, declared } = associated;
        let mut sources = Vec::new();
        for text in &declared.crl {
            match Source::read(&text.value, |path| self.source.resolve(path.as_ref())) {
                Ok(value) => sources.push(Spanned { value, span: text.span }),
                Err(error) => {
                    // Not the URL itself: there may be a password in it.
                    self.error(text.span, format!("a CRL: {error}"), "name a file, or an https URL");
                }
            }
        }
        if declared.crl_distribution_points {
            let span = declared.certificate.span;
            let anchors = bundle.anchors.iter().map(|anchor| anchor.der.as_ref());
            let Points { urls, ignored } =
                Points::of(anchors.chain(bundle.intermediates.iter().map(AsRef::as_ref)));
            for ignored in ignored {
                self.warn(span, ignored, "configure the list with `crl`, where there is another way to it");
            }
            sources.extend(urls.into_iter().map(|url| Spanned { value: Source::Url(url), span }));
        }
        sources
    }

    /// Names and anchors stand for one upload each: in metrics, in logs, and where somebody wants to take one out.
    fn check_uploaded_once(&mut self, new: &CaBundle, others: &[Associated<'_>], span: Span) {
        for Associated { bundle, .. } in others {
            if bundle.name == new.name {
                let message = format!("mTLS certificate `{}` is already defined", new.name);
                self.error(span, message, "give each a name of its own");
            }
            let known = |anchor: &&Anchor| bundle.anchors.iter().any(|known| known.der == anchor.der);
            if let Some(anchor) = new.anchors.iter().find(known) {
                let message = format!("CA `{}` is already uploaded as `{}`", anchor.subject, bundle.name);
                self.error(span, message, "associate that one with all of its hosts");
            }
        }
    }

    fn check_dates(&mut self, bundle: &CaBundle, span: Span) {
        let now = refusal::now();
        for anchor in &bundle.anchors {
            if now > anchor.not_after {
                let message = format!("CA `{}` has expired; it verifies nobody", anchor.subject);
                self.warn(span, message, "replace it with its renewed certificate");
            } else if now < anchor.not_before {
                let message =
                    format!("CA `{}` is not valid yet; it verifies nobody until it is", anchor.subject);
                self.warn(span, message, "check the clock of this machine and of the CA's");
            }
        }
    }
}
