//! The applications of one host, compiled: which one a request is for, and its policies in the order of decision.

use std::sync::Arc;

use super::conditions::Conditions;
use super::geo::GeoDatabase;
use super::paths::PathTree;
use super::service_tokens::ServiceTokens;
use crate::model::application::Application;
use crate::model::domain::DomainPattern;
use crate::model::hostname::{HostPattern, Hostname};
use crate::model::path::{self, PathError};
use crate::model::path_pattern::PathPattern;
use crate::model::policy::Policy;

/// Everything that a decision about a host's requests needs to know beside the request.
#[derive(Debug, Default)]
pub struct AccessTable {
    asks_for_certificates: bool,
    applications: Box<[Arc<Guarded>]>,
    /// In the order of names.
    names: Box<[(Hostname, Paths)]>,
    /// The most specific first.
    patterns: Box<[(DomainPattern, Paths)]>,
    /// Whether any application is for a part of a host only: then the path decides.
    paths_matter: bool,
    /// Whether a pattern has upper-case letters.
    has_upper_case: bool,
    shared: Arc<Shared>,
}

/// What all hosts have in common.
#[derive(Debug, Default)]
pub struct Shared {
    /// Service tokens.
    pub tokens: Arc<ServiceTokens>,
    /// The operator's database of countries.
    pub geo: Option<Arc<GeoDatabase>>,
}

/// The paths of some names.
#[derive(Debug)]
struct Paths {
    exact: PathTree,
    /// For origins that ignore case.
    folded: PathTree,
}

/// An application with its policies.
#[derive(Debug)]
pub struct Guarded {
    /// The application.
    pub application: Application,
    policies: Box<[CompiledPolicy]>,
}

/// A policy with its rules.
#[derive(Debug)]
pub struct CompiledPolicy {
    /// The policy.
    pub policy: Policy,
    /// Its rules, which applications may have in common.
    pub conditions: Arc<Conditions>,
}

/// A path that could be another's to the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ambiguous {
    /// It can be read in more than one way.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Its application would be another one without regard to case, parameters, dots and spaces.
    #[error("the path is another application's to an origin that ignores case, parameters, dots or spaces")]
    Application,
}

impl Guarded {
    /// An application and its policies in precedence order. Service Auth and Bypass come first, then Allow and Deny.
    pub fn new(application: Application, mut policies: Vec<CompiledPolicy>) -> Self {
        // Stable: each kind keeps its order.
        policies.sort_by_key(|compiled| !compiled.policy.decision.is_early());
        Self { application, policies: policies.into() }
    }

    /// Its policies in the order of decision.
    pub fn policies(&self) -> &[CompiledPolicy] {
        &self.policies
    }
}

impl AccessTable {
    /// The table of a host: of `applications` those that are for any of its names.
    pub fn new(
        host: &HostPattern,
        asks_for_certificates: bool,
        applications: &[Arc<Guarded>],
        shared: &Arc<Shared>,
    ) -> Self {
        let mut own = Vec::new();
        let mut domains: Vec<(DomainPattern, Vec<(PathPattern, u32)>)> = Vec::new();
        for guarded in applications {
            let destinations = guarded.application.destinations.iter();
            let mut here = destinations.filter(|destination| destination.domain.meets(host)).peekable();
            if here.peek().is_none() {
                continue;
            }
            let index = u32::try_from(own.len()).unwrap_or(u32::MAX);
            own.push(Arc::clone(guarded));
            for destination in here {
                let path = (destination.path.clone(), index);
                match domains.iter_mut().find(|(domain, _)| *domain == destination.domain) {
                    Some((_, paths)) => paths.push(path),
                    None => domains.push((destination.domain.clone(), vec![path])),
                }
            }
        }
        let paths = || domains.iter().flat_map(|(_, paths)| paths.iter().map(|(path, _)| path));
        let paths_matter = paths().any(|path| !path.is_root());
        let has_upper_case = paths().any(|path| path.to_lowercase() != *path);
        let (mut names, mut patterns) = (Vec::new(), Vec::new());
        for (domain, paths) in domains {
            let paths = Paths::new(paths);
            match domain.exact() {
                Some(name) => names.push((name, paths)),
                None => patterns.push((domain, paths)),
            }
        }
        names.sort_by(|(a, _), (b, _)| a.cmp(b));
        patterns.sort_by(|(a, _), (b, _)| a.by_specificity(b));
        Self {
            asks_for_certificates,
            applications: own.into(),
            names: names.into(),
            patterns: patterns.into(),
            paths_matter,
            has_upper_case,
            shared: Arc::clone(shared),
        }
    }

    /// Whether the host asks devices for certificates.
    pub fn asks_for_certificates(&self) -> bool {
        self.asks_for_certificates
    }

    /// Its applications, in the order of configuration.
    pub fn applications(&self) -> &[Arc<Guarded>] {
        &self.applications
    }

    /// Service tokens, and the database of countries.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The application of a path, as it was sent without its query, on one of the host's names.
    ///
    /// # Errors
    /// [`Ambiguous`] when the path decides and could be another one to the origin.
    pub fn find(&self, name: &Hostname, path: &str) -> Result<Option<&Guarded>, Ambiguous> {
        let find =
            |tree: fn(&Paths) -> &PathTree, path: &[u8]| self.first(name, |paths| tree(paths).find(path));
        let found = if self.paths_matter {
            path::read(path, |path| {
                let found = find(|paths| &paths.exact, path.as_bytes());
                let may_differ = path.is_loose() || self.has_upper_case;
                if may_differ && path.folded(|path| find(|paths| &paths.folded, path)) != found {
                    return Err(Ambiguous::Application);
                }
                Ok(found)
            })??
        } else {
            find(|paths| &paths.exact, b"")
        };
        Ok(found.and_then(|index| self.applications.get(index as usize)).map(Arc::as_ref))
    }

    /// What `find` finds for the most specific name for which it finds anything.
    fn first(&self, name: &Hostname, find: impl Fn(&Paths) -> Option<u32>) -> Option<u32> {
        let exact = self.names.binary_search_by(|(known, _)| known.cmp(name)).ok();
        let exact = exact.and_then(|index| self.names.get(index)).and_then(|(_, paths)| find(paths));
        exact.or_else(|| {
            let mut patterns = self.patterns.iter().filter(|(pattern, _)| pattern.matches(name));
            patterns.find_map(|(_, paths)| find(paths))
        })
    }
}

impl Paths {
    fn new(paths: Vec<(PathPattern, u32)>) -> Self {
        let folded = paths.iter().map(|(path, index)| (path.to_lowercase(), *index)).collect();
        Self { exact: PathTree::new(paths), folded: PathTree::new(folded) }
    }
}
