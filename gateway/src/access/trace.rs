//! How a decision came about: the same decision, with somebody watching.

use super::decide::{Denial, Facts, Permit, evaluate};
use super::table::{AccessTable, CompiledPolicy, Guarded};
use crate::model::application::Application;
use crate::model::policy::Policy;
use crate::model::rule::Rule;

/// Where a rule stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Any of these.
    Include,
    /// All of these.
    Require,
    /// None of these.
    Exclude,
}

impl Section {
    /// The word for it in the API and in configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Include => "include",
            Self::Require => "require",
            Self::Exclude => "exclude",
        }
    }
}

/// Somebody who hears what is asked, and what is said.
pub(super) trait Watch<'a> {
    /// The request is for this application.
    fn application(&mut self, _guarded: &'a Guarded) {}
    /// A policy is asked.
    fn policy(&mut self, _policy: &'a CompiledPolicy) {}
    /// It matched, or did not.
    fn policy_end(&mut self, _matched: bool) {}
    /// A rule is asked. The rules of a group follow before its end.
    fn begin(&mut self, _section: Section, _rule: &'a Rule) {}
    /// The rule that was asked last and has not ended holds, or does not.
    fn end(&mut self, _holds: bool) {}
}

/// Nobody.
impl Watch<'_> for () {}

/// A decision, and how it came about. Rules that were not asked, since nothing hung on them any more, are not in it.
#[derive(Debug)]
pub struct Trace<'a> {
    /// The decision.
    pub outcome: Result<Permit<'a>, Denial<'a>>,
    /// The application that the request is for.
    pub application: Option<&'a Application>,
    /// The policies that were asked, in order.
    pub policies: Vec<Asked<'a>>,
}

/// A policy that was asked.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// Whether it matched.
    pub matched: bool,
    /// The rules that were asked, in order.
    pub rules: Vec<Said<'a>>,
}

/// A rule that was asked.
#[derive(Debug)]
pub struct Said<'a> {
    /// Where it stands.
    pub section: Section,
    /// The rule.
    pub rule: &'a Rule,
    /// Whether it holds.
    pub holds: bool,
    /// The rules of a group that were asked.
    pub rules: Vec<Said<'a>>,
}

#[derive(Default)]
struct Recorder<'a> {
    application: Option<&'a Application>,
    policies: Vec<Asked<'a>>,
    /// Rules under way, the outermost first.
    open: Vec<Said<'a>>,
}

impl<'a> Watch<'a> for Recorder<'a> {
    fn application(&mut self, guarded: &'a Guarded) {
        self.application = Some(&guarded.application);
    }

    fn policy(&mut self, policy: &'a CompiledPolicy) {
        self.policies.push(Asked { policy: &policy.policy, matched: false, rules: Vec::new() });
    }

    fn policy_end(&mut self, matched: bool) {
        self.policies.last_mut().into_iter().for_each(|asked| asked.matched = matched);
    }

    fn begin(&mut self, section: Section, rule: &'a Rule) {
        self.open.push(Said { section, rule, holds: false, rules: Vec::new() });
    }

    fn end(&mut self, holds: bool) {
        let Some(said) = self.open.pop() else { return };
        let said = Said { holds, ..said };
        let around = self.open.last_mut().map(|said| &mut said.rules);
        let rules = around.or_else(|| self.policies.last_mut().map(|asked| &mut asked.rules));
        if let Some(rules) = rules {
            rules.push(said);
        }
    }
}

/// Decides as [`super::decide()`] does, and says how.
pub fn trace<'a>(table: &'a AccessTable, facts: &Facts<'_>) -> Trace<'a> {
    let mut recorder = Recorder::default();
    let outcome = evaluate(table, facts, &mut recorder);
    Trace { outcome, application: recorder.application, policies: recorder.policies }
}
