//! Rules as they are asked: references are resolved, groups stand in place of their names, lists are in order.

use std::net::IpAddr;
use std::sync::Arc;

use super::decide::Facts;
use super::networks::Networks;
use super::trace::{Section, Watch};
use crate::device::identity::{AlternativeName, Identity};
use crate::device::trust::Verified;
use crate::model::country::Country;
use crate::model::id::ResourceId;
use crate::model::rule::Rule;
use crate::model::selector::San;

/// Rules and tests, position by position: tests are asked, rules say what was asked.
#[derive(Debug)]
struct List {
    tests: Box<[Test]>,
    rules: Box<[Rule]>,
}

/// Any of `include`, all of `require`, none of `exclude`.
#[derive(Debug)]
pub struct Conditions {
    include: List,
    require: List,
    exclude: List,
    /// Rules in it, those of groups included.
    size: usize,
    /// Groups in groups.
    depth: usize,
}

/// One condition. Lists of texts are in order.
#[derive(Debug)]
pub enum Test {
    /// A service token that counts.
    AnyToken,
    /// A certificate that verified.
    Certificate,
    /// Its one common name; any of several, where that is to its disadvantage.
    CommonName(Box<[Box<str>]>),
    /// The country of the source.
    Country(Box<[Country]>),
    /// Always.
    Everyone,
    /// Its end is within so many seconds.
    ExpiresWithin(u64),
    /// The certificate itself.
    Fingerprint(Box<[[u8; 32]]>),
    /// A group in place of its name.
    Group(Arc<Conditions>),
    /// The mTLS certificate that vouches for it, by name.
    Issuer(Arc<str>),
    /// The address of the source.
    Networks(Arc<Networks>),
    /// Nobody can know.
    Never,
    /// Organizations of the subject.
    Organization(Box<[Box<str>]>),
    /// Organizational units of the subject.
    OrganizationalUnit(Box<[Box<str>]>),
    /// Certificate policies.
    Policy(Box<[Box<str>]>),
    /// Alternative names, each of its type.
    San(Box<[San]>),
    /// Its serial number.
    Serial(Box<[Box<str>]>),
    /// This service token.
    Token(ResourceId),
}

impl List {
    fn new(rules: Vec<(Rule, Test)>) -> Self {
        let (rules, tests): (Vec<_>, Vec<_>) = rules.into_iter().unzip();
        Self { tests: tests.into(), rules: rules.into() }
    }
}

impl Conditions {
    /// The rules with their tests.
    pub fn new(include: Vec<(Rule, Test)>, require: Vec<(Rule, Test)>, exclude: Vec<(Rule, Test)>) -> Self {
        let [include, require, exclude] = [include, require, exclude].map(List::new);
        let groups = [&include, &require, &exclude].into_iter().flat_map(|list| &list.tests);
        let (mut size, mut depth) = (0_usize, 0);
        for test in groups {
            match test {
                Test::Group(group) => {
                    size = size.saturating_add(group.size);
                    depth = depth.max(group.depth + 1);
                }
                _ => size = size.saturating_add(1),
            }
        }
        Self { include, require, exclude, size, depth }
    }

    /// Rules in it, those of groups included, as often as they are referred to.
    pub fn size(&self) -> usize {
        self.size
    }

    /// How many groups are within each other.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Whether they hold. `denying` when that is to somebody's disadvantage: then one of several common names is enough.
    pub(super) fn hold<'a>(&'a self, facts: &Facts<'_>, denying: bool, watch: &mut impl Watch<'a>) -> bool {
        let mut ask = |list: &'a List, section, denying, until: bool| {
            list.tests.iter().zip(&list.rules).any(|(test, rule)| {
                watch.begin(section, rule);
                let holds = test.holds(facts, denying, watch);
                watch.end(holds);
                holds == until
            })
        };
        ask(&self.include, Section::Include, denying, true)
            && !ask(&self.require, Section::Require, denying, false)
            && !ask(&self.exclude, Section::Exclude, !denying, true)
    }
}

impl Test {
    fn holds<'a>(&'a self, facts: &Facts<'_>, denying: bool, watch: &mut impl Watch<'a>) -> bool {
        match self {
            Self::Everyone => true,
            Self::Never => false,
            Self::Group(group) => group.hold(facts, denying, watch),
            Self::AnyToken => facts.service_token.valid().is_some(),
            Self::Token(id) => facts.service_token.valid().is_some_and(|token| token.id == *id),
            Self::Networks(networks) => networks.contains(facts.source),
            Self::Country(countries) => facts.country.is_some_and(|country| countries.contains(&country)),
            _ => facts.device.verified().is_some_and(|verified| self.holds_for(verified, facts.now, denying)),
        }
    }

    /// What only a certificate that verified can answer.
    fn holds_for(&self, verified: &Verified, now: u64, denying: bool) -> bool {
        let identity = &verified.identity;
        match self {
            Self::Certificate => true,
            Self::CommonName(names) => common_name(identity, names, denying),
            Self::ExpiresWithin(seconds) => identity.not_after <= now.saturating_add(*seconds),
            Self::Fingerprint(fingerprints) => fingerprints.contains(&identity.fingerprint.0),
            Self::Issuer(name) => verified.anchor == *name,
            Self::Organization(names) => any(&identity.organizations, names),
            Self::OrganizationalUnit(names) => any(&identity.organizational_units, names),
            Self::Policy(oids) => any(&identity.policies, oids),
            Self::San(names) => {
                names.iter().any(|name| identity.alternative_names.iter().any(|own| is_same(name, own)))
            }
            Self::Serial(serials) => has(serials, &identity.serial),
            _ => false,
        }
    }
}

fn common_name(identity: &Identity, names: &[Box<str>], denying: bool) -> bool {
    if denying {
        return any(&identity.common_names, names);
    }
    identity.common_name.as_deref().is_some_and(|name| has(names, name))
}

fn any(own: &[Box<str>], wanted: &[Box<str>]) -> bool {
    own.iter().any(|own| has(wanted, own))
}

fn has(sorted: &[Box<str>], text: &str) -> bool {
    sorted.binary_search_by(|known| (**known).cmp(text)).is_ok()
}

/// Names of one type only are compared: what is a host name to one reader is not a URI to another.
fn is_same(wanted: &San, own: &AlternativeName) -> bool {
    match (wanted, own) {
        (San::Dns(wanted), AlternativeName::Dns(own)) => wanted.eq_ignore_ascii_case(own),
        (San::Email(wanted), AlternativeName::Email(own)) => is_same_mailbox(wanted, own),
        (San::Ip(wanted), AlternativeName::Ip(own)) => IpAddr::eq(wanted, own),
        (San::Uri(wanted), AlternativeName::Uri(own)) => wanted == own,
        _ => false,
    }
}

/// RFC 5280, 7.5: the part before the `@` to the letter, the host in any case.
fn is_same_mailbox(a: &str, b: &str) -> bool {
    match (a.rsplit_once('@'), b.rsplit_once('@')) {
        (Some((name_a, host_a)), Some((name_b, host_b))) => {
            name_a == name_b && host_a.eq_ignore_ascii_case(host_b)
        }
        _ => a == b,
    }
}
