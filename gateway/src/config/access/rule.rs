//! Rules: tables with one key, which names the selector.

use std::fmt::Display;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Value};

use crate::config::value::{Parsed, invalid, to_json};
use crate::model::country::Country;
use crate::model::duration::GoDuration;
use crate::model::id::{Reference, ResourceId};
use crate::model::rule::Rule;
use crate::model::selector::{San, Unanswered};

impl<'de> Deserialize<'de> for Rule {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let span = value.span;
        let mut table = TableHelper::new(value)?;
        let mut rules = from_certificate(&mut table);
        rules.extend(from_elsewhere(&mut table));
        for selector in Unanswered::SELECTORS {
            let body = table.optional::<Json>(selector).map(|body| body.0);
            rules.extend(body.map(|body| Self::Unanswered(Box::new(Unanswered { selector, body }))));
        }
        table.finalize(None)?;
        let mut rules = rules.into_iter();
        match (rules.next(), rules.next()) {
            (Some(rule), None) => Ok(rule),
            _ => Err(invalid("a rule has exactly one selector, like { certificate = {} }".to_owned(), span)),
        }
    }
}

/// What a device's certificate answers.
fn from_certificate(table: &mut TableHelper<'_>) -> Vec<Rule> {
    let rules = [
        table.optional::<Nothing>("certificate").map(|_| Rule::Certificate),
        values(table, "common_name", "common_name").map(|names| Rule::CommonName(texts(names))),
        values(table, "cert_fingerprint", "sha256").map(Rule::CertFingerprint),
        reference(table, "cert_issuer", "id").map(Rule::CertIssuer),
        values(table, "cert_o", "o").map(|names| Rule::CertOrganization(texts(names))),
        values(table, "cert_ou", "ou").map(|names| Rule::CertOrganizationalUnit(texts(names))),
        values(table, "cert_policy_oid", "oid").map(Rule::CertPolicyOid),
        values(table, "cert_serial", "serial").map(Rule::CertSerial),
        table.optional::<Sans>("cert_san").map(|names| Rule::CertSan(names.0)),
        field::<Parsed<GoDuration>>(table, "cert_expires_within", "duration")
            .map(|time| Rule::CertExpiresWithin(time.0)),
    ];
    rules.into_iter().flatten().collect()
}

/// What its address, its headers and other resources answer.
fn from_elsewhere(table: &mut TableHelper<'_>) -> impl Iterator<Item = Rule> {
    let networks = values(table, "ip", "ip");
    let rules = [
        table.optional::<Nothing>("any_valid_service_token").map(|_| Rule::AnyValidServiceToken),
        table.optional::<Nothing>("everyone").map(|_| Rule::Everyone),
        values::<Country>(table, "geo", "country_code").map(Rule::Geo),
        reference(table, "group", "id").map(Rule::Group),
        networks.map(|networks: Box<[Network]>| Rule::Ip(networks.iter().map(|network| network.0).collect())),
        reference(table, "ip_list", "id").map(Rule::IpList),
        reference(table, "service_token", "token_id").map(Rule::ServiceToken),
    ];
    rules.into_iter().flatten()
}

/// The one field of a selector that has one.
fn field<'de, T: Deserialize<'de>>(
    table: &mut TableHelper<'de>,
    selector: &'static str,
    key: &'static str,
) -> Option<T> {
    let (_, mut body) = table.take(selector)?;
    let mut read = || {
        let mut body = TableHelper::new(&mut body)?;
        let value = body.required(key);
        body.finalize(None)?;
        Ok::<T, DeserError>(value?)
    };
    read().map_err(|error| table.errors.extend(error.errors)).ok()
}

/// A value, or several.
fn values<T: FromStr<Err: Display>>(
    table: &mut TableHelper<'_>,
    selector: &'static str,
    key: &'static str,
) -> Option<Box<[T]>> {
    field::<OneOrMore<T>>(table, selector, key).map(|values| values.0.into())
}

/// Another resource, by its id or by its name.
fn reference(table: &mut TableHelper<'_>, selector: &'static str, id: &'static str) -> Option<Reference> {
    let (_, mut body) = table.take(selector)?;
    let span = body.span;
    let mut read = || {
        let mut body = TableHelper::new(&mut body)?;
        let by_id = body.optional::<Parsed<ResourceId>>(id).map(|id| Reference::Id(id.0));
        let by_name = body.optional::<String>("name").map(|name| Reference::Name(name.into()));
        body.finalize(None)?;
        match (by_id, by_name) {
            (Some(reference), None) | (None, Some(reference)) => Ok(reference),
            _ => Err(invalid(format!("`{selector}` has either `{id}` or `name`"), span)),
        }
    };
    read().map_err(|error| table.errors.extend(error.errors)).ok()
}

struct Nothing;

impl<'de> Deserialize<'de> for Nothing {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        TableHelper::new(value)?.finalize(None)?;
        Ok(Self)
    }
}

/// A string or a list of strings, which must not be empty.
struct OneOrMore<T>(Vec<T>);

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for OneOrMore<T> {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        if value.as_array().is_none() {
            return Parsed::deserialize(value).map(|one| Self(vec![one.0]));
        }
        let span = value.span;
        let many = Vec::<Parsed<T>>::deserialize(value)?;
        if many.is_empty() {
            return Err(invalid("a list needs at least one value".to_owned(), span));
        }
        Ok(Self(many.into_iter().map(|one| one.0).collect()))
    }
}

/// Some text.
struct Text(Box<str>);

#[derive(Debug, thiserror::Error)]
#[error("an empty text matches nobody; leave the rule out")]
struct Empty;

impl FromStr for Text {
    type Err = Empty;

    fn from_str(text: &str) -> Result<Self, Empty> {
        if text.is_empty() { Err(Empty) } else { Ok(Self(text.into())) }
    }
}

fn texts(texts: Box<[Text]>) -> Box<[Box<str>]> {
    texts.into_iter().map(|text| text.0).collect()
}

/// A network, or an address as a network of its own.
pub(in crate::config) struct Network(pub(in crate::config) IpNet);

#[derive(Debug, thiserror::Error)]
#[error("not a network; write it like 192.0.2.0/24 or 2001:db8::/32")]
pub(in crate::config) struct NotANetwork;

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let address = |text: &str| text.parse::<IpAddr>().map(IpNet::from);
        let network = text.parse::<IpNet>().or_else(|_| address(text)).map_err(|_| NotANetwork)?;
        Ok(Self(network.trunc()))
    }
}

/// Alternative names, each of its type.
struct Sans(Box<[San]>);

impl<'de> Deserialize<'de> for Sans {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let span = value.span;
        let mut table = TableHelper::new(value)?;
        let mut names = Vec::new();
        let mut texts = |key, san: fn(Box<str>) -> San| {
            let values = table.optional::<OneOrMore<Text>>(key);
            names.extend(values.into_iter().flat_map(|values| values.0).map(|text| san(text.0)));
        };
        texts("dns", San::Dns);
        texts("email", San::Email);
        texts("uri", San::Uri);
        let addresses = table.optional::<OneOrMore<IpAddr>>("ip");
        names.extend(addresses.into_iter().flat_map(|addresses| addresses.0).map(San::Ip));
        table.finalize(None)?;
        if names.is_empty() {
            return Err(invalid("`cert_san` has at least one of: dns, email, ip, uri".to_owned(), span));
        }
        Ok(Self(names.into()))
    }
}

/// Whatever it is, kept as it is.
struct Json(serde_json::Value);

impl<'de> Deserialize<'de> for Json {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        Ok(Self(to_json(value)))
    }
}
