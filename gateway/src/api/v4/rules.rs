//! What policies and groups have in common: three lists of rules, within limits.

use serde_json::{Value, json};

use super::ask::Fields;
use super::{Refusal, Result};
use crate::config::ApiLimits;

/// The lists.
const LISTS: [&str; 3] = ["include", "require", "exclude"];

/// Adds the lists that are not there: clients go through them.
pub(super) fn complete(fields: &mut Fields) {
    for key in LISTS {
        let list = fields.entry(key).or_insert_with(|| json!([]));
        if list.is_null() {
            *list = json!([]);
        }
    }
}

/// Refuses more rules, or more networks in one, than there may be. What they say is looked at when they are compiled.
pub(super) fn check(fields: &Fields, limits: &ApiLimits) -> Result<()> {
    let rules = || LISTS.iter().filter_map(|key| fields.get(*key)?.as_array()).flatten();
    if rules().count() > limits.rules as usize {
        return Err(Refusal::invalid(format_args!("more than {} rules", limits.rules)));
    }
    let networks = |rule: &Value| rule.pointer("/ip/ip").and_then(Value::as_array).map_or(0, Vec::len);
    if rules().any(|rule| networks(rule) > limits.ips as usize) {
        return Err(Refusal::invalid(format_args!("more than {} networks in a rule", limits.ips)));
    }
    Ok(())
}
