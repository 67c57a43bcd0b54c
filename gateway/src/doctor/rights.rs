//! Capabilities: what of the configuration needs which, and whether it is there.

use std::fs;

use super::finding::{Check, Finding};
use super::subject::{Capability, Subject};
use crate::config::Config;

/// The first port that anybody may listen on.
const FIRST_FREE: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

/// A right, and what needs it.
type Need = (Capability, &'static str, String);

pub(super) fn look(config: &Config, subject: &Subject) -> Vec<Finding> {
    let first_free = fs::read_to_string(FIRST_FREE).ok().and_then(|text| text.trim().parse().ok());
    judge(&needs(config, first_free.unwrap_or(1024)), subject)
}

fn needs(config: &Config, first_free: u16) -> Vec<Need> {
    let mut needs = Vec::new();
    if !config.xdp.is_off() {
        needs.push((Capability::Bpf, "CAP_BPF", "loading the XDP program".to_owned()));
        needs.push((Capability::Perfmon, "CAP_PERFMON", "loading the XDP program".to_owned()));
        needs.push((Capability::NetAdmin, "CAP_NET_ADMIN", "attaching the XDP program".to_owned()));
    }
    let listeners = config.listeners.iter().map(|listener| listener.address.value);
    let low = listeners.chain([config.metrics.listen]).find(|address| address.port() < first_free);
    needs.extend(low.map(|address| {
        (Capability::NetBindService, "CAP_NET_BIND_SERVICE", format!("listening on {address}"))
    }));
    needs
}

fn judge(needs: &[Need], subject: &Subject) -> Vec<Finding> {
    let has = |capability| match capability {
        Capability::NetBindService => subject.has(capability),
        // The older, wider one.
        _ => subject.has(capability) || subject.has(Capability::SysAdmin),
    };
    let missing = needs.iter().filter(|(capability, ..)| !has(*capability));
    let mut findings: Vec<_> = missing
        .map(|(_, name, what)| {
            Finding::problem(
                Check::Rights,
                format!("{} lacks {name}, for {what}", subject.name()),
                "give it by AmbientCapabilities= of the unit (deploy/systemd/fleetgate.service)",
            )
        })
        .collect();
    if findings.is_empty() {
        let names: Vec<_> = needs.iter().map(|(_, name, _)| *name).collect();
        let names = if names.is_empty() { "nothing special is needed".to_owned() } else { names.join(", ") };
        findings.push(Finding::ok(Check::Rights, format!("{} has what it needs: {names}", subject.name())));
    }
    findings
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::super::finding::Level;
    use super::*;
    use crate::config::Source;

    fn config(port: u16, xdp: &str) -> Config {
        let text = format!(
            "listener = [{{ address = \"[::]:{port}\" }}]\n[xdp]\n{xdp}\n[[host]]\nname = \"a.example\"\n\
             certificate = \"a\"\nkey = \"a\"\norigin = \"http://127.0.0.1:1\"\n"
        );
        Config::parse(&Arc::new(Source::new(Path::new("a.toml"), text))).unwrap()
    }

    fn lacking(config: &Config, capabilities: &[Capability]) -> Vec<String> {
        let bits = capabilities.iter().fold(0, |bits, capability| bits | 1 << *capability as u64);
        let subject = Subject { capabilities: bits, ..Subject::default() };
        let problems = judge(&needs(config, 1024), &subject);
        problems
            .into_iter()
            .filter(|finding| finding.level == Level::Problem)
            .map(|finding| finding.says)
            .collect()
    }

    #[test]
    fn each_right_is_needed_for_what_is_configured_alone() {
        use Capability::{Bpf, NetBindService, Perfmon, SysAdmin};
        assert_eq!(lacking(&config(8443, ""), &[]), [""; 0]);
        assert_eq!(lacking(&config(443, ""), &[]).len(), 1);
        assert!(
            lacking(&config(443, ""), &[])[0].contains("CAP_NET_BIND_SERVICE, for listening on [::]:443")
        );
        let xdp = config(443, "interfaces = [\"eth0\"]");
        assert_eq!(lacking(&xdp, &[]).len(), 4);
        assert!(lacking(&xdp, &[Bpf, Perfmon, NetBindService])[0].contains("CAP_NET_ADMIN"));
        assert_eq!(lacking(&xdp, &[SysAdmin, NetBindService]), [""; 0]);
        assert_eq!(lacking(&config(8443, "interfaces = [\"eth0\"]\nmode = \"off\""), &[]), [""; 0]);
    }
}
