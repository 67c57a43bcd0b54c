//! The decision, held against an evaluator that was written for its plainness.

use proptest::prelude::*;

use super::support::{Case, TestFacts, application, devices, resolver};
use super::{Decision, Reason};
use crate::access::conditions::Conditions;
use crate::access::table::CompiledPolicy;
use crate::model::id::ResourceId;
use crate::model::policy::Policy;

type Ask = fn(&Subject) -> bool;

/// Rules of the tests, and what each asks.
const RULES: [(&str, Ask); 9] = [
    ("{ everyone = {} }", |_| true),
    ("{ certificate = {} }", |subject| subject.verified),
    ("{ common_name = { common_name = \"James Royal\" } }", |subject| subject.who == "james"),
    ("{ common_name = { common_name = [\"rich\", \"poor\"] } }", |subject| subject.who == "rich"),
    ("{ cert_ou = { ou = \"Pumps\" } }", |subject| subject.who == "rich"),
    ("{ ip = { ip = \"192.0.2.0/24\" } }", |subject| subject.near),
    ("{ any_valid_service_token = {} }", |subject| subject.token),
    ("{ email = { email = \"a@example.com\" } }", |_| false),
    ("{ group = { name = \"verified\" } }", |subject| subject.verified && subject.who != "rich"),
];

#[derive(Debug)]
struct Subject {
    who: &'static str,
    verified: bool,
    near: bool,
    token: bool,
}

/// A policy as positions in `RULES`.
#[derive(Clone, Debug)]
struct Drawn {
    decision: Decision,
    include: Vec<usize>,
    require: Vec<usize>,
    exclude: Vec<usize>,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let decision =
        prop::sample::select(vec![Decision::Allow, Decision::Deny, Decision::NonIdentity, Decision::Bypass]);
    let rules = |range| prop::collection::vec(0..RULES.len(), range);
    (decision, rules(1..4), rules(0..3), rules(0..3))
        .prop_map(|(decision, include, require, exclude)| Drawn { decision, include, require, exclude })
}

fn compiled(drawn: &Drawn, index: usize) -> CompiledPolicy {
    let resolver = resolver();
    let tests = |positions: &[usize]| {
        let rules = positions.iter().map(|position| super::rule(RULES[*position].0));
        rules.map(|rule| (rule.clone(), resolver.test(&rule).unwrap())).collect::<Vec<_>>()
    };
    let name = index.to_string();
    let policy = Policy {
        id: ResourceId::derived("policy", &name),
        name,
        decision: drawn.decision,
        session_duration: None,
    };
    let conditions = Conditions::new(tests(&drawn.include), tests(&drawn.require), tests(&drawn.exclude));
    CompiledPolicy { policy, conditions: conditions.into() }
}

/// Two passes over the list, as the documentation tells it.
fn naive(policies: &[Drawn], subject: &Subject) -> Result<String, Option<(usize, Reason)>> {
    let ask = |position: &usize| RULES[*position].1(subject);
    let mut found = None;
    for early in [true, false] {
        for (index, policy) in policies.iter().enumerate() {
            let is_early = policy.decision == Decision::NonIdentity || policy.decision == Decision::Bypass;
            let included = policy.include.iter().filter(|rule| ask(rule)).count() > 0;
            let required = policy.require.iter().filter(|rule| !ask(rule)).count() == 0;
            let excluded = policy.exclude.iter().filter(|rule| ask(rule)).count() > 0;
            if found.is_none() && is_early == early && included && required && !excluded {
                found = Some((index, policy.decision));
            }
        }
    }
    match found {
        None => Err(None),
        Some((index, Decision::NonIdentity | Decision::Bypass)) => Ok(index.to_string()),
        Some((index, Decision::Allow)) => Err(Some((index, Reason::LoginUnavailable))),
        Some((index, Decision::Deny)) => Err(Some((index, Reason::DeniedByPolicy))),
    }
}

proptest! {
    #[test]
    fn it_agrees_with_a_naive_evaluator(
        policies in prop::collection::vec(drawn(), 0..6),
        who in prop::sample::select(vec!["absent", "refused", "james", "rich"]),
        near in any::<bool>(),
        token in any::<bool>(),
    ) {
        let facts = match who {
            "absent" => devices().absent,
            "refused" => devices().refused,
            "james" => devices().james,
            _ => devices().rich,
        };
        let source = if near { [192, 0, 2, 1] } else { [203, 0, 113, 1] }.into();
        let facts = TestFacts { source, token: token.then_some("ci"), ..facts };
        let subject = Subject { who, verified: who == "james" || who == "rich", near, token };
        let compiled = policies.iter().enumerate().map(|(index, drawn)| compiled(drawn, index)).collect();
        let case = Case::new("iot.example.com", true, &[application(&["iot.example.com"], compiled)]);
        let outcome = case.with(&facts, |facts| {
            let outcome = super::decide(&case.table, facts);
            assert_eq!(outcome, crate::access::trace(&case.table, facts).outcome);
            match outcome {
                Ok(permit) => Ok(permit.policy_name().unwrap().to_owned()),
                Err(denial) => Err(denial.policy_name().map(|name| (name.parse().unwrap(), denial.reason))),
            }
        });
        prop_assert_eq!(outcome, naive(&policies, &subject), "{:?}", subject);
    }
}
