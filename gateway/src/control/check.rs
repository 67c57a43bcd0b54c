//! What a configuration would do, without doing it.

use std::path::Path;
use std::sync::Arc;

use super::base::{Base, Composed};
use super::{missing_interfaces, now};
use crate::access::token;
use crate::alert;
use crate::config::{Problem, Problems, Severity};
use crate::crl::{self, Network};
use crate::device::verdicts::Verdicts;
use crate::listen;
use crate::resource::Stored;
use crate::snapshot::{Compiled, Record, Snapshot};
use crate::store::{FILE, Redb, StoreError};

/// What a configuration was found to be.
#[derive(Debug)]
pub struct Checked {
    /// What it says, where that can be made out.
    pub snapshot: Option<Snapshot>,
    /// Every problem that forbids loading it or, where there is none, what to know about it.
    pub problems: Problems,
}

/// The configuration at `path`, checked as far as it can be without touching anything: with what is stored, where no
/// gateway has that open.
///
/// # Errors
/// Every problem that forbids loading it.
pub fn check(path: &Path) -> Result<Problems, Problems> {
    let Checked { problems, .. } = look(&Base::load(path)?);
    if problems.has_errors() { Err(problems) } else { Ok(problems) }
}

/// The same for a configuration that was read.
pub fn look(base: &Base) -> Checked {
    let Base { config, source, .. } = base;
    let verdicts = Arc::new(Verdicts::new(1));
    let mut problems = missing_interfaces(config);
    problems.extend(listen::without_worker(config, &listen::seating(config)));
    let state_dir = config.server.state_dir(source);
    let denials = crl::Denials::open(state_dir.as_deref());
    problems.extend(denials.err().map(|error| Problem::error(error.to_string())));
    let accepted = Record::open(state_dir.as_deref()).accepted();
    let tokens = state_dir.as_deref().map_or(Ok(()), |folder| token::check(folder, now()));
    problems.extend(tokens.err().map(|error| Problem::error(error.to_string())));
    problems.extend(alert::Settings::load(config, source).err().into_iter().flatten());
    let (stored, found) = stored_at_rest(state_dir.as_deref());
    let (mut notes, errors): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|problem| problem.severity() == Severity::Warning);
    problems.extend(errors);
    let stored = Arc::new(stored);
    let snapshot = match base.compose(&stored, Vec::new(), &verdicts, &accepted, 1) {
        Ok(Composed { compiled: Compiled { snapshot, warnings, crls, .. }, .. }) => {
            problems.extend(crl::Prepared::load(crls, Network::LeaveAlone).err().into_iter().flatten());
            notes.extend(warnings);
            Some(snapshot)
        }
        Err(others) => {
            problems.extend(others);
            None
        }
    };
    let problems = if problems.is_empty() { notes } else { problems };
    Checked { snapshot, problems: Problems::new(&base.source_with(&stored), problems) }
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
