//! Configuration in, a snapshot out, or every problem at once. Nothing is published here.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{Error as TlsError, ServerConfig};
use webpki::EndEntityCert;
use x509_parser::prelude::{FromDer as _, X509Certificate};

mod access;
mod authorities;
mod cipher_suites;
mod cpus;
mod origins;
mod streams;

use super::authority::Authority;
use super::{Accepted, CertificateFacts, Files, Host, Snapshot, host_tls};
use crate::access::{AccessTable, Sessions};
use crate::config::{self, ClientAuth, Config, Problem, Problems, Resources, Source, Span, Spanned};
use crate::crl::Wanted;
use crate::device::ca::CaBundle;
use crate::device::identity::Fingerprint;
use crate::device::refusal;
use crate::device::trust::{Rules, TrustSet};
use crate::device::verdicts::Verdicts;
use crate::model::forwarding::Forwarding;
use crate::model::hostname::HostPattern;
use crate::model::id::ResourceId;
use crate::model::issuer::Issuer;
use crate::model::limit::DeviceLimit;

/// Hosts that the XDP program's table holds.
const MAX_HOSTS: usize = fleetgate_ebpf::abi::MAX_HOSTS as usize;

/// What is compiled.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The file.
    pub config: &'a Config,
    /// What it declares, and what is stored.
    pub resources: &'a Resources,
    /// Where all of that is from.
    pub source: &'a Arc<Source>,
    /// The files that it names.
    pub files: &'a Files,
    /// Where verdicts will go to and come from.
    pub verdicts: &'a Arc<Verdicts>,
}

/// mTLS certificates by their ids.
pub type Bundles = HashMap<ResourceId, Arc<CaBundle>>;

/// A snapshot, and what the operator should know about it.
#[derive(Debug)]
pub struct Compiled {
    /// What was compiled.
    pub snapshot: Snapshot,
    /// The CRLs that are to be loaded with it.
    pub crls: Wanted,
    /// The mTLS certificates.
    pub bundles: Bundles,
    /// What loads all the same.
    pub warnings: Problems,
}

/// Compiles `input`. CAs that were `accepted` before may have expired since.
///
/// # Errors
/// Everything that forbids loading it: files that cannot be read, keys that do not fit, CAs that are none or have
/// expired, names that occur twice.
pub fn compile(input: &Input<'_>, accepted: &Accepted, generation: u64) -> Result<Compiled, Problems> {
    let Input { config, source, files, .. } = *input;
    let mut compiler = Compiler::new(input, accepted);
    let bundles = compiler.bundles();
    let crls = compiler.revocation(&bundles);
    compiler.check_names();
    compiler.check_xdp();
    compiler.check_cpus();
    let access = compiler.access(&bundles);
    let hosts = config.hosts.iter().filter_map(|host| compiler.host(host, &bundles, &access));
    let hosts: Vec<_> = hosts.collect();
    let problems = Problems::new(source, compiler.problems);
    if problems.has_errors() {
        return Err(problems);
    }
    let (mut exact, mut wildcard) = (HashMap::new(), HashMap::new());
    for host in hosts {
        match host.pattern.clone() {
            HostPattern::Exact(name) => exact.insert(name, Arc::new(host)),
            HostPattern::Wildcard(parent) => wildcard.insert(parent, Arc::new(host)),
        };
    }
    let snapshot = Snapshot {
        generation,
        timeouts: config.timeout.clone(),
        xdp: config.xdp.clone(),
        authorities: compiler.uploaded,
        exact,
        wildcard,
    };
    let bundles = bundles.iter().map(|it| (it.declared.id(), Arc::clone(it.bundle()))).collect();
    files.forget_unused();
    Ok(Compiled { snapshot, crls, bundles, warnings: problems })
}

struct Compiler<'a> {
    config: &'a Config,
    resources: &'a Resources,
    source: &'a Arc<Source>,
    files: &'a Files,
    verdicts: &'a Arc<Verdicts>,
    accepted: &'a Accepted,
    uploaded: BTreeSet<Fingerprint>,
    problems: Vec<Problem>,
}

/// A CA bundle as it was declared.
struct Associated<'a> {
    authority: Arc<Authority>,
    declared: &'a config::MtlsCertificate,
}

impl Associated<'_> {
    fn bundle(&self) -> &Arc<CaBundle> {
        &self.authority.bundle
    }
}

/// Of names those that the file gives: only there something is called by its name alone.
fn in_file<'a>(
    names: impl Iterator<Item = &'a Spanned<String>>,
) -> impl Iterator<Item = &'a Spanned<String>> {
    names.filter(|name| !config::is_stored(name.span))
}

impl<'a> Compiler<'a> {
    fn new(input: &Input<'a>, accepted: &'a Accepted) -> Self {
        let Input { config, resources, source, files, verdicts } = *input;
        let (uploaded, problems) = (BTreeSet::new(), Vec::new());
        Self { config, resources, source, files, verdicts, accepted, uploaded, problems }
    }

    fn error(&mut self, span: Span, message: impl Into<String>, remedy: &str) {
        self.problems.push(Problem::error(message).at(span).remedy(remedy));
    }

    fn warn(&mut self, span: Span, message: String, remedy: &str) {
        self.problems.push(Problem::warning(message).at(span).remedy(remedy));
    }

    fn certificates(&mut self, path: &Spanned<PathBuf>) -> Option<Vec<CertificateDer<'static>>> {
        let found = self.files.certificates(&self.source.resolve(&path.value));
        found
            .map(|certificates| certificates.to_vec())
            .map_err(|error| {
                self.error(path.span, error.to_string(), "name a PEM file that the gateway's user may read");
            })
            .ok()
    }

    /// What is set for XDP and would do nothing without it.
    fn check_xdp(&mut self) {
        let xdp = &self.config.xdp;
        for Spanned { value: key, span } in xdp.only_in_xdp.iter().filter(|_| xdp.is_off()) {
            let message = format!("{key} does nothing: only XDP does that, and XDP is off");
            self.warn(*span, message, "set xdp.interfaces, or take the key out");
        }
    }

    fn check_names(&mut self) {
        let config = self.config;
        let listeners = config.listeners.iter().map(|listener| &listener.address);
        self.check_duplicates(listeners, "listener", "each address once");
        self.check_proxied();
        self.check_duplicates(
            config.hosts.iter().map(|host| &host.name),
            "host",
            "give each name one [[host]]",
        );
        for (list, what) in [(config.hosts.is_empty(), "host"), (config.listeners.is_empty(), "listener")] {
            if list {
                let problem = Problem::error(format!("there is no {what}"));
                self.problems.push(problem.remedy(format!("add a [[{what}]]")));
            }
        }
        if let Some(excess) = config.hosts.get(MAX_HOSTS) {
            self.error(
                excess.name.span,
                format!("more than {MAX_HOSTS} hosts"),
                "split them over several gateways",
            );
        }
    }

    fn check_duplicates<'b, T: std::hash::Hash + Eq + std::fmt::Display + 'b>(
        &mut self,
        names: impl Iterator<Item = &'b Spanned<T>>,
        what: &str,
        remedy: &str,
    ) {
        let mut seen = HashMap::new();
        for name in names {
            if let Some(first) = seen.insert(&name.value, name.span) {
                let place = self.source.mention(first);
                let message = format!("{what} `{}` is already defined {place}", name.value);
                self.problems.push(Problem::error(message).at(name.span).remedy(remedy).taken());
            }
        }
    }

    fn host(
        &mut self,
        declared: &config::Host,
        bundles: &[Associated<'_>],
        access: &access::Access,
    ) -> Option<Host> {
        let pattern = &declared.name.value;
        if !declared.protocol.terminates() {
            return self.passthrough(declared);
        }
        let trusted = bundles.iter().filter(|associated| {
            associated.declared.associated_hostnames.iter().any(|name| name.value.covers(pattern))
        });
        let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
        let rules = Rules { require_purpose: declared.require_client_auth_purpose };
        let trust =
            Arc::new(TrustSet::new(trusted.map(|associated| &**associated.bundle()), algorithms, rules));
        let asks = declared.client_auth != ClientAuth::None;
        let access = AccessTable::new(pattern, asks, &access.applications, &access.shared);
        if asks {
            self.check_access(declared, &trust, !access.applications().is_empty());
        }
        let named = self.config.access.team_domain.as_ref().or(self.resources.team_domain.as_ref());
        let issuer = named.cloned().unwrap_or_else(|| Issuer::of_host(pattern));
        let origins = self.origins(declared);
        let (tls, certificate_not_after, certificate_facts) = self.tls(declared, &trust)?;
        Some(Host {
            pattern: pattern.clone(),
            label: pattern.to_string().into(),
            protocol: declared.protocol,
            proxy_protocol: declared.proxy_protocol.value,
            mqtt: declared.mqtt.as_ref().map(|mqtt| Arc::new(mqtt.value.clone())),
            upgrades: declared.upgrades.clone(),
            client_auth: declared.client_auth,
            tls: Some(Arc::new(tls)),
            trust,
            sessions: Sessions::new(&access, &issuer),
            access,
            origins: origins?,
            forwarding: self.forwarding(declared),
            limit: declared.limit.or(self.config.limit.or(DeviceLimit::default())),
            cpus: declared.cpus.value.clone(),
            certificate_not_after,
            certificate_facts,
        })
    }

    /// What the host's table says, else what is stored for its name, else what the file says of all hosts.
    fn forwarding(&self, declared: &config::Host) -> Forwarding {
        let Resources { client_certificate_forwarding: stored, managed_transform, .. } = self.resources;
        let name = &declared.name.value;
        let parent = match name {
            HostPattern::Exact(exact) => exact.parent().and_then(|parent| format!("*.{parent}").parse().ok()),
            HostPattern::Wildcard(_) => None,
        };
        let cloudflare = stored.get(name).or_else(|| stored.get(&parent?)).map(|setting| setting.value);
        let usual = self.config.forwarding.or(&Forwarding::default());
        declared.forwarding.or_stored(cloudflare, *managed_transform).or(&usual)
    }

    fn check_access(&mut self, declared: &config::Host, trust: &TrustSet, has_application: bool) {
        let name = &declared.name.value;
        if trust.anchors().is_empty() {
            let message = format!("host `{name}` asks for certificates and trusts no CA; it verifies nobody");
            self.warn(declared.name.span, message, "associate an [[mtls_certificate]] with it");
        }
        if !has_application {
            let message = format!(
                "host `{name}` asks for certificates and has no application; it denies every request"
            );
            self.warn(declared.name.span, message, "add an [[application]] with a policy for it");
        }
    }

    fn tls(
        &mut self,
        declared: &config::Host,
        trust: &Arc<TrustSet>,
    ) -> Option<(ServerConfig, u64, CertificateFacts)> {
        let identity = declared.identity.as_ref()?;
        let chain = self.certificates(&identity.certificate);
        let key = self
            .files
            .key(&self.source.resolve(&identity.key.value))
            .map_err(|error| {
                self.error(
                    identity.key.span,
                    error.to_string(),
                    "name the PEM file with the certificate's private key",
                );
            })
            .ok();
        let (chain, key) = chain.zip(key)?;
        let leaf = chain.first()?;
        let not_after = self.check_leaf(declared, identity.certificate.span, leaf);
        let facts = CertificateFacts::of(leaf);
        let settings = host_tls::Settings {
            client_auth: declared.client_auth,
            min_tls: declared.min_tls,
            cipher_suites: &declared.cipher_suites.value,
            ca_hints: declared.ca_hints,
            http2: declared.http2,
        };
        self.check_cipher_suites(declared, &settings, &key)?;
        match host_tls::server_config(chain, key, &settings, trust, self.verdicts) {
            Ok(mut config) => {
                self.stream(declared, &mut config);
                Some((config, not_after, facts))
            }
            Err(TlsError::InconsistentKeys(_)) => {
                let message = "the private key does not belong to the host's certificate";
                self.error(identity.key.span, message, "name the key that the certificate was issued for");
                None
            }
            Err(error) => {
                let message = format!("the certificate and key cannot be used: {error}");
                self.error(
                    identity.certificate.span,
                    message,
                    "use an RSA, ECDSA or Ed25519 certificate, leaf first",
                );
                None
            }
        }
    }

    /// Warns of what clients will complain about. Returns when our certificate expires.
    fn check_leaf(&mut self, declared: &config::Host, span: Span, leaf: &CertificateDer<'_>) -> u64 {
        let example = match &declared.name.value {
            HostPattern::Exact(name) => name.to_string(),
            HostPattern::Wildcard(parent) => format!("any.{parent}"),
        };
        let covered = EndEntityCert::try_from(leaf).ok().zip(ServerName::try_from(example).ok());
        if covered.is_some_and(|(leaf, name)| leaf.verify_is_valid_for_subject_name(&name).is_err()) {
            let message =
                format!("the certificate does not name `{}`; clients will refuse it", declared.name.value);
            self.warn(span, message, "issue one with this name among its subject alternative names");
        }
        let Ok((_, certificate)) = X509Certificate::from_der(leaf) else { return 0 };
        let not_after = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
        if refusal::now() > not_after {
            let message =
                format!("the certificate of `{}` has expired; clients will refuse it", declared.name.value);
            self.warn(span, message, "renew it");
        }
        not_after
    }
}

#[cfg(test)]
pub(crate) mod tests;
