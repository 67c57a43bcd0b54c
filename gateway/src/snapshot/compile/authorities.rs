//! `[[mtls_certificate]]`: CA chains, checked, and what the revocation index needs of them.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Associated, Compiler, covers};
use crate::config::{self, CrlExpired, Span, Spanned};
use crate::crl::{Authority, Points, Settings, Source, Wanted};
use crate::device::ca::{Anchor, CaBundle, CaRules, CrlSigner, OutOfDate, Uploaded};
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
                    self.take_in(&bundle.uploaded, &declared.certificate);
                    self.check_names_constrained(&bundle, &declared.certificate);
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
            signers: self.crl_signers(declared, &issuers),
            issuers,
            sources: self.sources(associated),
            on_expired: match declared.crl_expired {
                CrlExpired::Hard => OnExpired::Hard,
                CrlExpired::Soft => OnExpired::Soft,
            },
            allow_sha1: declared.allow_sha1,
        })
    }

    /// Keys that may sign a CA's CRLs in its place.
    fn crl_signers(&mut self, declared: &config::MtlsCertificate, cas: &[Issuer]) -> Vec<Issuer> {
        let mut signers = Vec::new();
        for path in &declared.crl_issuers {
            let certificates = self.certificates(path).unwrap_or_default();
            for (der, position) in certificates.iter().zip(1..) {
                match CrlSigner::new(position, der, cas, declared.allow_sha1) {
                    Ok(CrlSigner { uploaded, issuer }) => {
                        self.take_in([&uploaded], path);
                        signers.push(issuer);
                    }
                    Err(error) => {
                        let message = format!("{}: {error}", self.source.resolve(&path.value).display());
                        self.error(
                            path.span,
                            message,
                            "name certificates that this CA issued to sign its CRLs",
                        );
                    }
                }
            }
        }
        signers
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

    /// What is new has to be within its dates. What was accepted before, or may have been, stays: it verifies nobody, and
    /// a start or a reload must not depend on the calendar.
    fn take_in<'b>(&mut self, uploaded: impl IntoIterator<Item = &'b Uploaded>, path: &Spanned<PathBuf>) {
        let now = refusal::now();
        for certificate in uploaded {
            self.uploaded.insert(certificate.fingerprint);
            let Some(out_of_date) = certificate.out_of_date(now) else { continue };
            let what = out_of_date.describe(certificate);
            let file = self.source.resolve(&path.value);
            let remedy = match out_of_date {
                OutOfDate::Expired => "replace it with its renewed certificate, or take it out",
                OutOfDate::NotYetValid => "check the clock of this machine and of the CA's",
            };
            if self.accepted.is_new(&certificate.fingerprint) {
                let message = format!("{}: {what}, and is new here", file.display());
                self.error(path.span, message, remedy);
            } else {
                self.warn(path.span, format!("{}: {what}; it verifies nobody", file.display()), remedy);
            }
        }
    }

    fn check_names_constrained(&mut self, bundle: &CaBundle, path: &Spanned<PathBuf>) {
        let file = self.source.resolve(&path.value);
        for certificate in &bundle.uploaded {
            for names in &certificate.unevaluated_names {
                let message = format!("{}: {certificate} {names}", file.display());
                self.warn(path.span, message, "have the CA constrain DNS names and IP addresses only");
            }
        }
    }
}
