//! What a configuration would do, without doing it.

use std::path::Path;
use std::sync::Arc;

use super::base::Base;
use super::{missing_interfaces, now};
use crate::access::token;
use crate::config::{Problem, Problems, Severity};
use crate::crl::{self, Network};
use crate::device::verdicts::Verdicts;
use crate::listen;
use crate::resource::Stored;
use crate::snapshot::{Compiled, Record};
use crate::store::{FILE, Redb, StoreError};

/// The configuration at `path`, checked as far as it can be without touching anything: with what is stored, where no
/// gateway has that open.
///
/// # Errors
/// Every problem that forbids loading it.
pub fn check(path: &Path) -> Result<Problems, Problems> {
    let base = Base::load(path)?;
    let Base { config, source, .. } = &base;
    let verdicts = Arc::new(Verdicts::new(1));
    let mut problems = missing_interfaces(config);
    problems.extend(listen::without_worker(config, &listen::seating(config)));
    let state_dir = config.server.state_dir(source);
    let denials = crl::Denials::open(state_dir.as_deref());
    problems.extend(denials.err().map(|error| Problem::error(error.to_string())));
    let accepted = Record::open(state_dir.as_deref()).accepted();
    let tokens = state_dir.as_deref().map_or(Ok(()), |folder| token::check(folder, now()));
    problems.extend(tokens.err().map(|error| Problem::error(error.to_string())));
    let (stored, found) = stored_at_rest(state_dir.as_deref());
    let (notes, errors): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|problem| problem.severity() == Severity::Warning);
    problems.extend(errors);
    let stored = Arc::new(stored);
    let composed = base.compose(&stored, problems, &verdicts, &accepted, 1)?;
    let Compiled { warnings, crls, .. } = composed.compiled;
    let source = base.source_with(&stored);
    crl::Prepared::load(crls, Network::LeaveAlone).map_err(|problems| Problems::new(&source, problems))?;
    Ok(Problems::new(&source, notes.into_iter().chain(warnings).collect()))
}

/// What is stored in `state_dir`, as far as it can be read without a trace.
pub fn stored_at_rest(state_dir: Option<&Path>) -> (Stored, Vec<Problem>) {
    let Some(store) = state_dir.filter(|folder| folder.join(FILE).exists()).map(Redb::open_to_read) else {
        return Default::default();
    };
    match store.and_then(|store| Stored::load(&store)) {
        Ok(loaded) => loaded,
        Err(error @ (StoreError::InUse(_) | StoreError::NotClosed(_))) => {
            let problem = Problem::warning(format!("{error}: checked without what is stored"));
            (Stored::default(), vec![problem.remedy("a start or a reload checks with it")])
        }
        Err(error) => (Stored::default(), vec![Problem::error(error.to_string())]),
    }
}
