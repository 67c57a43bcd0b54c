//! The optional parts, each with what it does or why it doesn't, in words.

use std::fmt::Write as _;
use std::net::SocketAddr;

use serde::Serialize;

use super::feature::{Feature, lacking};
use super::steer::HostCpus;
use crate::config::{Serve, Xdp};

/// An optional part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Its name: `steering`, `reuseport`, `sk_lookup` or `host_cpus`.
    pub part: &'static str,
    /// Whether it does anything.
    pub on: bool,
    /// What it does, or why it doesn't.
    pub says: String,
}

/// What became of what was tried.
#[derive(Debug, Default)]
pub(super) struct Tried {
    /// Why packets are not steered although they should be.
    pub(super) steering: Option<String>,
    /// For how many listeners a program chooses the socket.
    pub(super) reuseport: Option<Result<usize, String>>,
    /// Listeners that take what comes for served prefixes.
    pub(super) sk_lookup: Option<Result<Vec<SocketAddr>, String>>,
}

/// All of them.
pub(super) fn parts(config: &Xdp, hosts: &HostCpus, tried: &Tried, features: &[Feature]) -> Vec<Part> {
    let is_wanted = !config.steer_cpus.value.is_empty();
    let unwanted = "xdp.steer_cpus is empty";
    let steering = match (&tried.steering, is_wanted) {
        (_, false) => off("steering", unwanted),
        (Some(why), true) => off("steering", why),
        (None, true) => {
            let cpus = list(&config.steer_cpus.value);
            on(
                "steering",
                format!("the packets of a flow go to one CPU of {cpus}, chosen at its SYN (CPUMAP)"),
            )
        }
    };
    let reuseport = match (&tried.reuseport, is_wanted) {
        (_, false) => off("reuseport", unwanted),
        (None, true) => off("reuseport", &lacking(features, "reuseport").unwrap_or_else(not_loaded)),
        (Some(Err(why)), true) => off("reuseport", why),
        (Some(Ok(listeners)), true) => {
            let says =
                format!("the worker on a SYN's CPU accepts the connection, on {listeners} listener(s)");
            on("reuseport", says)
        }
    };
    let sk_lookup = match &tried.sk_lookup {
        _ if config.serve.is_empty() => off("sk_lookup", "xdp.serve is empty"),
        None => off("sk_lookup", &lacking(features, "sk_lookup").unwrap_or_else(not_loaded)),
        Some(Err(why)) => off("sk_lookup", why),
        Some(Ok(takers)) => on("sk_lookup", describe_served(&config.serve, takers)),
    };
    let host_cpus = if hosts.is_empty() {
        off("host_cpus", "no host has `cpus`")
    } else if tried.steering.is_some() {
        on("host_cpus", format!("workers hand connections over, packets are not steered: {}", by_host(hosts)))
    } else {
        on("host_cpus", by_host(hosts))
    };
    vec![steering, reuseport, sk_lookup, host_cpus]
}

fn on(part: &'static str, says: String) -> Part {
    Part { part, on: true, says }
}

fn off(part: &'static str, why: &str) -> Part {
    Part { part, on: false, says: why.to_owned() }
}

fn not_loaded() -> String {
    "the XDP program is not loaded".to_owned()
}

fn describe_served(serve: &[Serve], takers: &[SocketAddr]) -> String {
    let served: Vec<_> = serve.iter().map(ToString::to_string).collect();
    let takers: Vec<_> = takers.iter().map(ToString::to_string).collect();
    format!("{} are served by the listeners on {}", served.join(", "), takers.join(" and "))
}

fn by_host(hosts: &HostCpus) -> String {
    let mut says = String::new();
    for (host, cpus) in hosts {
        let separator = if says.is_empty() { "" } else { "; " };
        let _ = write!(says, "{separator}{host} is served on CPU {}", list(cpus));
    }
    says
}

fn list(cpus: &[u32]) -> String {
    cpus.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Spanned;

    fn says(config: &Xdp, hosts: &HostCpus, tried: &Tried) -> Vec<(bool, String)> {
        parts(config, hosts, tried, &[]).into_iter().map(|part| (part.on, part.says)).collect()
    }

    #[test]
    fn each_part_says_what_it_does() {
        let config = Xdp {
            steer_cpus: Spanned::new(vec![0, 1]),
            serve: vec!["198.51.100.0/24:8443-8500".parse().unwrap(), "[2001:db8::/48]:443".parse().unwrap()],
            ..Xdp::default()
        };
        let hosts = HostCpus::from([("a.example.com".parse().unwrap(), vec![1])]);
        let mut tried = Tried {
            steering: None,
            reuseport: Some(Ok(2)),
            sk_lookup: Some(Ok(vec!["[::]:8443".parse().unwrap()])),
        };
        let expected = [
            (true, "the packets of a flow go to one CPU of 0, 1, chosen at its SYN (CPUMAP)"),
            (true, "the worker on a SYN's CPU accepts the connection, on 2 listener(s)"),
            (true, "198.51.100.0/24:8443-8500, [2001:db8::/48]:443 are served by the listeners on [::]:8443"),
            (true, "a.example.com is served on CPU 1"),
        ];
        assert_eq!(says(&config, &hosts, &tried), expected.map(|(on, says)| (on, says.to_owned())));
        tried.steering = Some("no CPU map".to_owned());
        tried.reuseport = Some(Err("refused".to_owned()));
        tried.sk_lookup = None;
        let expected = [
            (false, "no CPU map"),
            (false, "refused"),
            (false, "the XDP program is not loaded"),
            (
                true,
                "workers hand connections over, packets are not steered: a.example.com is served on CPU 1",
            ),
        ];
        assert_eq!(says(&config, &hosts, &tried), expected.map(|(on, says)| (on, says.to_owned())));
    }

    #[test]
    fn without_configuration_every_part_is_off_and_says_which_key_has_it_on() {
        let silent = says(&Xdp::default(), &HostCpus::new(), &Tried::default());
        assert!(silent.iter().all(|(on, _)| !on));
        let words = ["xdp.steer_cpus is empty", "xdp.steer_cpus is empty", "xdp.serve is empty"];
        assert!(silent.iter().zip(words).all(|((_, says), word)| says == word), "{silent:?}");
        assert!(silent[3].1.contains("`cpus`"));
    }
}
