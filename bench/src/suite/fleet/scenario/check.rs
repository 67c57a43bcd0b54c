//! Whether what a scenario says fits together.

use super::{Fleet, Network, Protocol, Scenario};
use crate::client::{Group, Version};
use crate::sim::Bad;

/// Everything that is wrong with it, a sentence each.
pub(super) fn problems(scenario: &Scenario) -> Vec<String> {
    let mut problems = Vec::new();
    let shares: f64 = scenario.fleet.iter().map(|fleet| fleet.share).sum();
    if !(0.999..=1.001).contains(&shares) {
        problems.push(format!("the fleets' shares are {shares} in all; make them 1"));
    }
    if !(0.0..=1.0).contains(&scenario.quick.times) {
        problems.push("quick.times is a share, as in 0.25".to_owned());
    }
    for (number, fleet) in scenario.fleet.iter().enumerate() {
        let earlier = scenario.fleet.iter().take(number);
        if earlier.clone().any(|other| other.name == fleet.name) {
            problems.push(format!("there are two fleets `{}`; give each a name of its own", fleet.name));
        }
        if earlier.clone().any(|other| other.host == fleet.host && other.protocol != fleet.protocol) {
            problems.push(format!("host `{}` has two protocols; give each a host of its own", fleet.host));
        }
        problems.extend(wrong_with(scenario, fleet).map(|wrong| format!("fleet `{}`: {wrong}", fleet.name)));
    }
    problems.extend(unknown(scenario));
    problems
}

fn wrong_with(scenario: &Scenario, fleet: &Fleet) -> impl Iterator<Item = &'static str> {
    let loopback = scenario.network == Network::Loopback;
    let renewals = scenario.renew.iter().filter(|renew| renew.fleet == fleet.name).count();
    let revoked = scenario.revoke.iter().any(|revoke| revoke.fleet == fleet.name);
    [
        (!(0.0..=1.0).contains(&fleet.share), "its share is none; it is from 0 to 1"),
        (fleet.every.is_zero(), "`every` is no time; devices would do nothing else"),
        (fleet.reports == Some(0), "`reports = 0`; leave it out to have connections held"),
        (fleet.sources == 0, "`sources = 0`; it takes one at least"),
        (fleet.group == Group::X25519mlkem768 && fleet.tls == Version::V12, "x25519mlkem768 needs TLS 1.3"),
        (
            loopback && fleet.ipv6 && fleet.sources > 1,
            "IPv6 has one loopback address; use `network = \"namespaces\"`, or one source",
        ),
        (
            fleet.protocol == Protocol::Mqtt && fleet.bad.contains(&Bad::WrongHost),
            "MQTT has no host in its requests; wrong_host needs HTTP",
        ),
        (renewals > 1, "it is renewed twice; once is possible"),
        (renewals > 0 && revoked, "it is renewed and revoked; make two fleets of it"),
        (!fleet.bad.is_empty() && (renewals > 0 || revoked), "bad devices are neither renewed nor revoked"),
    ]
    .into_iter()
    .filter_map(|(wrong, text)| wrong.then_some(text))
}

/// Names that nothing has.
fn unknown(scenario: &Scenario) -> impl Iterator<Item = String> {
    let cut = scenario.cut.iter().flat_map(|cut| cut.fleets.iter().map(|name| ("cut", name)));
    let revoke = scenario.revoke.iter().map(|revoke| ("revoke", &revoke.fleet));
    let renew = scenario.renew.iter().map(|renew| ("renew", &renew.fleet));
    let from = scenario.fleet.iter().filter_map(|fleet| Some(("fleet", fleet.from.as_ref()?)));
    let fleets = cut.chain(revoke).chain(renew).chain(from);
    let fleets = fleets.filter(|(_, name)| !scenario.fleet.iter().any(|fleet| fleet.name == **name));
    let hosts = scenario.trust.iter().map(|trust| ("trust", &trust.host));
    let hosts = hosts.filter(|(_, name)| !scenario.fleet.iter().any(|fleet| fleet.host == **name));
    let of_fleet = fleets.map(|(table, name)| format!("[[{table}]] names the fleet `{name}`, which is none"));
    of_fleet
        .chain(hosts.map(|(table, name)| format!("[[{table}]] names the host `{name}`, which no fleet has")))
}
