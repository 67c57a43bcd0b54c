//! `[[mtls_certificate]]`: CA chains, checked, and what the revocation index needs of them.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;

use super::{Associated, Compiler};
use crate::config::{self, CrlExpired, Pem, Problem, Span, Spanned};
use crate::crl::{self, Points, Settings, Source, Wanted};
use crate::device::ca::{CaBundle, CaRules, CrlSigner, OutOfDate, Uploaded};
use crate::device::pem::{self as files, PemError};
use crate::device::refusal;
use crate::device::revocation::{Issuer, OnExpired};
use crate::snapshot::authority::{Authority, AuthorityError};
use crate::snapshot::files::Upload;

impl<'a> Compiler<'a> {
    /// Every mTLS certificate that passed its checks.
    pub(super) fn bundles(&mut self) -> Vec<Associated<'a>> {
        let mut bundles: Vec<Associated<'a>> = Vec::new();
        let mut seen = Seen::default();
        for declared in &self.resources.mtls_certificates {
            self.check_associations(declared);
            let Some(authority) = self.upload(declared) else { continue };
            let bundle = &authority.bundle;
            self.take_in(&bundle.uploaded, &declared.certificate);
            self.check_names_constrained(bundle, &declared.certificate);
            self.check_uploaded_once(bundle, &mut seen, declared.certificate.span);
            bundles.push(Associated { authority, declared });
        }
        bundles
    }

    fn check_associations(&mut self, declared: &config::MtlsCertificate) {
        for name in &declared.associated_hostnames {
            if !self.config.hosts.iter().any(|host| name.value.covers(&host.name.value)) {
                let message = format!("no host serves `{}`; this association is unused", name.value);
                self.warn(name.span, message, "add a [[host]] with this name, or take the association out");
            }
        }
    }

    /// The CA of an upload, checked.
    fn upload(&mut self, declared: &config::MtlsCertificate) -> Option<Arc<Authority>> {
        let Spanned { value: pem, span } = &declared.certificate;
        let rules = CaRules { allow_sha1: declared.allow_sha1, algorithms: self.config.server.ca_algorithms };
        let upload = Upload { name: declared.name.as_str().into(), pem: pem.clone(), rules };
        let made = self.files.authority(upload, |upload| {
            let certificates = match pem {
                Pem::File(path) => self.files.certificates(&self.source.resolve(path))?.to_vec(),
                Pem::Inline(text) => files::certificates_in(text.as_bytes(), Path::new("`certificate`"))?,
            };
            Authority::new(&upload.name, certificates, rules).map_err(Unfit::Authority)
        });
        let place = || pem.describe(|path| self.source.resolve(path));
        let (message, remedy) = match made {
            Ok(authority) => return Some(authority),
            Err(Unfit::Pem(error)) => (error.to_string(), "name a PEM file that the gateway's user may read"),
            Err(Unfit::Authority(error)) => (
                format!("{}: {error}", place()),
                "upload the CA's own certificate chain, without device or server certificates",
            ),
        };
        self.error(*span, message, remedy);
        None
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
        let authorities = bundles.iter().map(|associated| self.authority(associated)).collect();
        Wanted { authorities, settings }
    }

    /// The CA as the revocation index knows it, with the sources of its CRLs.
    fn authority(&mut self, associated: &Associated<'_>) -> crl::Authority {
        let Associated { authority, declared } = associated;
        let issuers = authority.issuers.clone();
        if declared.allow_sha1 {
            let message =
                format!("`{}` may sign with SHA-1: who can choose what it signs can forge", declared.name);
            self.warn(
                declared.certificate.span,
                message,
                "have the CA issue with SHA-256, and take allow_sha1 out",
            );
        }
        crl::Authority {
            name: Arc::clone(&authority.bundle.name),
            signers: self.crl_signers(declared, &issuers),
            issuers,
            sources: self.sources(associated),
            on_expired: match declared.crl_expired {
                CrlExpired::Hard => OnExpired::Hard,
                CrlExpired::Soft => OnExpired::Soft,
            },
            allow_sha1: declared.allow_sha1,
        }
    }

    /// Keys that may sign a CA's CRLs in its place.
    fn crl_signers(&mut self, declared: &config::MtlsCertificate, cas: &[Issuer]) -> Vec<Issuer> {
        let mut signers = Vec::new();
        for path in &declared.crl_issuers {
            let certificates = self.certificates(path).unwrap_or_default();
            for (der, position) in certificates.iter().zip(1..) {
                match CrlSigner::new(position, der, cas, declared.allow_sha1) {
                    Ok(CrlSigner { uploaded, issuer }) => {
                        let path = Spanned { value: Pem::File(path.value.clone()), span: path.span };
                        self.take_in([&uploaded], &path);
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
        let Associated { authority, declared } = associated;
        let bundle = &authority.bundle;
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
    fn check_uploaded_once(&mut self, new: &Arc<CaBundle>, seen: &mut Seen, span: Span) {
        let mut taken = |message: String, remedy| {
            self.problems.push(Problem::error(message).at(span).remedy(remedy).taken());
        };
        if !seen.names.insert(Arc::clone(&new.name)) {
            taken(
                format!("mTLS certificate `{}` is already defined", new.name),
                "give each a name of its own",
            );
        }
        for anchor in &new.anchors {
            if let Some(other) = seen.anchors.get(&anchor.der) {
                let message = format!("CA `{}` is already uploaded as `{other}`", anchor.subject);
                taken(message, "associate that one with all of its hosts");
                break;
            }
        }
        let anchors = new.anchors.iter().map(|anchor| (anchor.der.clone(), Arc::clone(&new.name)));
        seen.anchors.extend(anchors);
    }

    /// What is new has to be within its dates. What was accepted before, or may have been, stays: it verifies nobody, and
    /// a start or a reload must not depend on the calendar.
    fn take_in<'b>(&mut self, uploaded: impl IntoIterator<Item = &'b Uploaded>, source: &Spanned<Pem>) {
        let now = refusal::now();
        for certificate in uploaded {
            self.uploaded.insert(certificate.fingerprint);
            let Some(out_of_date) = certificate.out_of_date(now) else { continue };
            let what = out_of_date.describe(certificate);
            let place = source.value.describe(|path| self.source.resolve(path));
            let remedy = match out_of_date {
                OutOfDate::Expired => "replace it with its renewed certificate, or take it out",
                OutOfDate::NotYetValid => "check the clock of this machine and of the CA's",
            };
            if self.accepted.is_new(&certificate.fingerprint) {
                self.error(source.span, format!("{place}: {what}, and is new here"), remedy);
            } else {
                self.warn(source.span, format!("{place}: {what}; it verifies nobody"), remedy);
            }
        }
    }

    fn check_names_constrained(&mut self, bundle: &CaBundle, source: &Spanned<Pem>) {
        for certificate in &bundle.uploaded {
            for names in &certificate.unevaluated_names {
                let place = source.value.describe(|path| self.source.resolve(path));
                let message = format!("{place}: {certificate} {names}");
                self.warn(source.span, message, "have the CA constrain DNS names and IP addresses only");
            }
        }
    }
}

/// What other uploads have.
#[derive(Default)]
struct Seen {
    names: HashSet<Arc<str>>,
    /// Each with the name of its upload.
    anchors: HashMap<CertificateDer<'static>, Arc<str>>,
}

/// Why an upload is of no use.
enum Unfit {
    Pem(PemError),
    Authority(AuthorityError),
}

impl From<PemError> for Unfit {
    fn from(error: PemError) -> Self {
        Self::Pem(error)
    }
}
