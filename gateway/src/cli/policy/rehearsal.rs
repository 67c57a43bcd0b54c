//! A configuration, loaded as a gateway would load it, and asked about one request.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use crate::access::{Facts, Presented, Trace, trace};
use crate::cli::print_error;
use crate::config::{ClientAuth, Problems, Severity};
use crate::control::{Base, stored_at_rest};
use crate::crl::{Denials, Keeper, Network, Prepared};
use crate::device::refusal::now;
use crate::device::verdicts::Verdicts;
use crate::device::verifier::verify_again;
use crate::device::{Device, pem};
use crate::model::country::Country;
use crate::model::hostname::Hostname;
use crate::model::service_token::ServiceToken;
use crate::snapshot::{Accepted, Compiled, Host, Snapshot};
use crate::telemetry::Metrics;

/// What would serve.
pub(super) struct Rehearsal {
    snapshot: Snapshot,
    verdicts: Arc<Verdicts>,
}

/// A request, as far as it matters.
pub(super) struct Question<'a> {
    pub(super) host: Hostname,
    pub(super) path: &'a str,
    /// PEM, leaf first.
    pub(super) chain: Option<&'a Path>,
    pub(super) source: IpAddr,
    pub(super) service_token: Option<&'a str>,
}

/// What became of it.
pub(super) struct Answer<'a> {
    pub(super) host: &'a Host,
    pub(super) device: Device,
    pub(super) country: Option<Country>,
    pub(super) service_token: Option<&'a ServiceToken>,
    /// None when the handshake already fails, on a host that requires a certificate.
    pub(super) trace: Option<Trace<'a>>,
}

impl Answer<'_> {
    pub(super) fn permits(&self) -> bool {
        self.trace.as_ref().is_some_and(|trace| trace.outcome.is_ok())
    }
}

impl Rehearsal {
    /// Loads everything that the file names, CRLs and local denials too.
    pub(super) fn prepare(path: &Path) -> Result<Self, String> {
        let verdicts = Arc::new(Verdicts::new(1));
        let load = || {
            let base = Base::load(path)?;
            let state_dir = base.config.server.state_dir(&base.source);
            let (stored, found) = stored_at_rest(state_dir.as_deref());
            let (notes, errors): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|problem| problem.severity() == Severity::Warning);
            for note in notes {
                print_error(note.message());
            }
            let stored = Arc::new(stored);
            let source = base.source_with(&stored);
            let composed = base.compose(&stored, errors, &verdicts, &Accepted::Unknown, 1)?;
            let Compiled { snapshot, crls, .. } = composed.compiled;
            let prepared = Prepared::load(crls, Network::LeaveAlone);
            let prepared = prepared.map_err(|problems| Problems::new(&source, problems))?;
            Ok::<_, Problems>((state_dir, snapshot, prepared))
        };
        let (state_dir, snapshot, prepared) = load().map_err(|problems| problems.to_string())?;
        let denials = Denials::open(state_dir.as_deref()).map_err(|error| error.to_string())?;
        let metrics = Metrics::new().map_err(|error| error.to_string())?;
        // It publishes the revocation index, which is all that is wanted of it.
        Keeper::new(prepared, denials, Arc::clone(&verdicts), metrics);
        Ok(Self { snapshot, verdicts })
    }

    pub(super) fn ask(&self, question: &Question<'_>) -> Result<Answer<'_>, String> {
        let host = self
            .snapshot
            .host(&question.host)
            .ok_or_else(|| format!("no host serves `{}`", question.host))?;
        let device = self.device(host, question.chain)?;
        let shared = host.access.shared();
        let country = shared.geo.as_ref().and_then(|geo| geo.country(question.source));
        let now = now();
        let service_token = match question.service_token {
            None => None,
            Some(text) => {
                let is_it = |token: &&Arc<ServiceToken>| {
                    *token.name == *text || *token.client_id == *text || text.parse() == Ok(token.id)
                };
                Some(
                    shared
                        .tokens
                        .iter()
                        .find(is_it)
                        .ok_or_else(|| format!("there is no service token `{text}`"))?,
                )
            }
        };
        let presented = match service_token {
            None => Presented::Nothing,
            Some(token) => shared.tokens.present_again(token, now),
        };
        let facts = Facts {
            name: &question.host,
            path: question.path,
            preflight: false,
            device: &device,
            source: question.source,
            country,
            service_token: presented,
            now,
        };
        let refused = host.client_auth == ClientAuth::Require && device.verified().is_none();
        let trace = (!refused).then(|| trace(&host.access, &facts));
        Ok(Answer { host, country, service_token: service_token.map(Arc::as_ref), trace, device })
    }

    /// What the certificate is worth on this host.
    fn device(&self, host: &Host, chain: Option<&Path>) -> Result<Device, String> {
        let Some(path) = chain.filter(|_| host.client_auth != ClientAuth::None) else {
            return Ok(Device::Absent);
        };
        let chain = pem::certificates(path).map_err(|error| error.to_string())?;
        let chain: Vec<_> = chain.into_iter().map(Arc::new).collect();
        Ok(verify_again(&host.trust, &self.verdicts, &chain))
    }
}
