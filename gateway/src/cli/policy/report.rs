//! How a decision came about, for people and for scripts.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::rehearsal::{Answer, Question};
use crate::access::Trace;
use crate::access::trace::{Asked, Said};
use crate::device::Device;
use crate::model::rule::Rule;

/// For people.
pub(super) fn text(question: &Question<'_>, answer: &Answer<'_>) -> String {
    let mut text = format!("host         {}{} ({})\n", question.host, question.path, answer.host.label);
    let _ = writeln!(text, "certificate  {}", certificate(&answer.device));
    let country = answer.country.map(|country| format!(" ({country})")).unwrap_or_default();
    let _ = writeln!(text, "source       {}{country}", question.source);
    if let Some(token) = answer.service_token {
        let _ = writeln!(text, "token        {} ({})", token.name, token.client_id);
    }
    let Some(trace) = &answer.trace else {
        let _ = write!(
            text,
            "denied in the handshake: this host requires a certificate ({})",
            answer.device.label()
        );
        return text;
    };
    match trace.application {
        Some(application) => {
            let _ = writeln!(text, "application  {} (aud {})", application.name, application.aud);
        }
        None => text.push_str("application  none\n"),
    }
    for (index, asked) in trace.policies.iter().enumerate() {
        policy(&mut text, index + 1, asked);
    }
    text.push_str(&outcome(trace));
    text
}

fn certificate(device: &Device) -> String {
    let subject =
        device.identity().map(|identity| format!(": {}", identity.subject.rfc2253)).unwrap_or_default();
    let anchor = device.verified().map(|verified| format!(", by `{}`", verified.anchor)).unwrap_or_default();
    format!("{}{subject}{anchor}", device.label())
}

fn policy(text: &mut String, number: usize, asked: &Asked<'_>) {
    let word = if asked.matched { "matches" } else { "does not match" };
    let _ = writeln!(
        text,
        "{number}. policy `{}` ({}) {word}",
        asked.policy.name,
        asked.policy.decision.as_str()
    );
    rules(text, &asked.rules, 1);
}

fn rules(text: &mut String, said: &[Said<'_>], depth: usize) {
    for said in said {
        let word = if said.holds { "yes" } else { "no " };
        let note = needs(said.rule).map(|needs| format!(" (needs {needs}; never holds)")).unwrap_or_default();
        let _ = writeln!(text, "{:1$}{word}  {2} {3}{note}", "", depth * 3, said.section.as_str(), said.rule);
        rules(text, &said.rules, depth + 1);
    }
}

/// What a rule would need that nobody here has.
fn needs(rule: &Rule) -> Option<&'static str> {
    match rule {
        Rule::Unanswered(rule) => Some(rule.needs()),
        _ => None,
    }
}

fn outcome(trace: &Trace<'_>) -> String {
    match &trace.outcome {
        Ok(permit) => match permit.policy_name() {
            Some(name) => format!("permitted by policy `{name}`"),
            None => "permitted: nothing is protected here".to_owned(),
        },
        Err(denial) => match denial.policy_name() {
            Some(name) => format!("denied by policy `{name}`: {}", denial.reason.label()),
            None => format!("denied: {}", denial.reason.label()),
        },
    }
}

/// For scripts.
pub(super) fn json(question: &Question<'_>, answer: &Answer<'_>) -> Value {
    let identity = answer.device.identity();
    let trace = answer.trace.as_ref();
    let application = trace.and_then(|trace| trace.application);
    json!({
        "host": question.host.to_string(),
        "path": question.path,
        "source": question.source,
        "country": answer.country.map(|country| country.to_string()),
        "service_token": answer.service_token.map(|token| token.id.to_string()),
        "certificate": {
            "status": answer.device.label(),
            "subject": identity.map(|identity| &identity.subject.rfc2253),
            "fingerprint": identity.map(|identity| identity.fingerprint.hex()),
            "issued_below": answer.device.verified().map(|verified| &*verified.anchor),
        },
        "application": application.map(|application| json!({
            "id": application.id.to_string(),
            "aud": application.aud.to_string(),
            "name": application.name,
        })),
        "policies": trace.map(|trace| trace.policies.iter().map(policy_json).collect::<Value>()),
        "outcome": outcome_json(answer),
    })
}

fn policy_json(asked: &Asked<'_>) -> Value {
    json!({
        "id": asked.policy.id.to_string(),
        "name": asked.policy.name,
        "decision": asked.policy.decision.as_str(),
        "matched": asked.matched,
        "rules": rules_json(&asked.rules),
    })
}

fn rules_json(said: &[Said<'_>]) -> Value {
    let rule = |said: &Said<'_>| {
        json!({
            "section": said.section.as_str(),
            "selector": said.rule.selector(),
            "rule": said.rule.to_string(),
            "holds": said.holds,
            "needs": needs(said.rule),
            "rules": rules_json(&said.rules),
        })
    };
    said.iter().map(rule).collect()
}

fn outcome_json(answer: &Answer<'_>) -> Value {
    let (decision, reason, policy) = match answer.trace.as_ref().map(|trace| &trace.outcome) {
        None => ("deny", Some(answer.device.label()), None),
        Some(Ok(permit)) => ("permit", None, permit.policy_name()),
        Some(Err(denial)) => ("deny", Some(denial.reason.label()), denial.policy_name()),
    };
    json!({ "decision": decision, "reason": reason, "policy": policy, "handshake": answer.trace.is_some() })
}
