//! Rules, as arguments have them and as tables show them.

use clap::Args;
use serde_json::{Map, Value, json};

/// Selectors without a value.
const BARE: [&str; 3] = ["any_valid_service_token", "certificate", "everyone"];

/// Selectors with a value, and the key that it has in the API.
const VALUED: [(&str, &str); 17] = [
    ("cert_expires_within", "duration"),
    ("cert_fingerprint", "sha256"),
    ("cert_issuer", "name"),
    ("cert_o", "o"),
    ("cert_ou", "ou"),
    ("cert_policy_oid", "oid"),
    ("cert_san.dns", "dns"),
    ("cert_san.email", "email"),
    ("cert_san.ip", "ip"),
    ("cert_san.uri", "uri"),
    ("cert_serial", "serial"),
    ("common_name", "common_name"),
    ("geo", "country_code"),
    ("group", "name"),
    ("ip", "ip"),
    ("ip_list", "name"),
    ("service_token", "name"),
];

// The rules of a policy or group. A doc comment would be the verb's.
#[derive(Debug, Args)]
pub(in super::super) struct Rules {
    /// One of these has to hold. A rule is a selector, as certificate; a selector with a value, as `common_name=device-1`; or the
    /// API's JSON. Can be given several times.
    #[arg(long, value_name = "RULE", value_parser = parse, required = true)]
    include: Vec<Value>,
    /// Each of these has to hold. Can be given several times.
    #[arg(long, value_name = "RULE", value_parser = parse)]
    require: Vec<Value>,
    /// None of these may hold. Can be given several times.
    #[arg(long, value_name = "RULE", value_parser = parse)]
    exclude: Vec<Value>,
}

impl Rules {
    /// A body of the API with these rules under a name.
    pub(super) fn named(&self, name: &str) -> Map<String, Value> {
        let Self { include, require, exclude } = self;
        let fields = [
            ("name", json!(name)),
            ("include", json!(include)),
            ("require", json!(require)),
            ("exclude", json!(exclude)),
        ];
        fields.map(|(key, value)| (key.to_owned(), value)).into_iter().collect()
    }
}

/// Reads a rule. Whether its value makes sense, the gateway says.
fn parse(text: &str) -> Result<Value, String> {
    if text.starts_with('{') {
        return serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"));
    }
    match text.split_once('=') {
        None if BARE.contains(&text) => Ok(rule(text, json!({}))),
        Some((word, value)) if !value.is_empty() => match VALUED.iter().find(|(known, _)| *known == word) {
            Some((_, key)) => Ok(rule(word.split('.').next().unwrap_or(word), rule(key, json!(value)))),
            None => Err(unknown()),
        },
        _ => Err(unknown()),
    }
}

/// An object with one key.
fn rule(key: &str, value: Value) -> Value {
    Value::Object([(key.to_owned(), value)].into_iter().collect())
}

fn unknown() -> String {
    let valued: Vec<_> = VALUED.iter().map(|(word, _)| format!("{word}=…")).collect();
    format!("it is none of {}, {}; or the API's JSON", BARE.join(", "), valued.join(", "))
}

/// The rules of a policy or group, in a line.
pub(super) fn describe(of: &Value) -> String {
    let list = |(word, joined): (&str, &str)| {
        let rules: Vec<_> = of.get(word)?.as_array()?.iter().map(one).collect();
        (!rules.is_empty()).then(|| format!("{word} {}", rules.join(joined)))
    };
    let lists = [("include", " or "), ("require", " and "), ("exclude", " or ")].into_iter().filter_map(list);
    lists.collect::<Vec<_>>().join("; ")
}

/// The selector and its values.
fn one(rule: &Value) -> String {
    let Some((selector, body)) = rule.as_object().and_then(|rule| rule.iter().next()) else {
        return rule.to_string();
    };
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let values = body.as_object().into_iter().flat_map(Map::values).map(|value| match value {
        Value::Array(several) => several.iter().map(word).collect::<Vec<_>>().join("|"),
        one => word(one),
    });
    std::iter::once(selector.clone()).chain(values).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_a_word_a_word_with_a_value_or_json() {
        for (text, rule) in [
            ("certificate", json!({ "certificate": {} })),
            ("common_name=James Royal", json!({ "common_name": { "common_name": "James Royal" } })),
            ("cert_san.uri=a://b?c=d", json!({ "cert_san": { "uri": "a://b?c=d" } })),
            ("group=inside", json!({ "group": { "name": "inside" } })),
            (r#"{"geo": {"country_code": ["CH"]}}"#, json!({ "geo": { "country_code": ["CH"] } })),
        ] {
            assert_eq!(parse(text), Ok(rule), "{text}");
        }
        for text in ["", "certificate=x", "common_name", "common_name=", "cert_san=x", "cert=x", "{"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("commonname=x").unwrap_err().contains("common_name=…"));
    }

    #[test]
    fn rules_are_told_in_a_line() {
        let policy = json!({
            "include": [{ "certificate": {} }, { "common_name": { "common_name": ["a", "b"] } }],
            "require": [{ "ip": { "ip": "192.0.2.0/24" } }],
            "exclude": [],
        });
        let said = "include certificate or common_name a|b; require ip 192.0.2.0/24";
        assert_eq!(describe(&policy), said);
        assert_eq!(describe(&json!({})), "");
    }
}
