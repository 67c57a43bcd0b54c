//! What keeps floods off.

use super::field::{INTERFACES, PORT};
use crate::flood::Kind;
use crate::server;

/// What keeps floods off, beside the limits that userspace has in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Defence {
    /// The XDP program.
    Xdp,
    /// Nothing.
    Off,
    /// nftables, with XDP off.
    Nftables,
}

/// The same limit as `syn_per_source` has by default, at the hook that costs the least.
const RULES: &str = "flush ruleset
table netdev survival {
  set sources { type ipv4_addr; flags dynamic; timeout 1m; size 65536; }
  chain ingress {
    type filter hook ingress devices = { INTERFACES } priority 0;
    tcp dport PORT tcp flags & (syn | ack) == syn add @sources { ip saddr limit rate over 50/second burst 100 packets } drop
  }
}
";

impl Defence {
    /// All of them, as they take their turn.
    pub(super) const ALL: [Self; 3] = [Self::Xdp, Self::Off, Self::Nftables];

    /// Its name in reports.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Xdp => "XDP on",
            Self::Off => "XDP off",
            Self::Nftables => "nftables",
        }
    }

    /// Whether it has anything to say to such a flood: a limit for each source has nothing to say to sources that come once.
    pub(super) fn counts_for(self, kind: Kind) -> bool {
        self != Self::Nftables || kind.sources().is_some()
    }

    /// The gateway behind it.
    pub(super) fn server(self) -> server::Kind {
        server::Kind::FleetgateGuarded(match self {
            Self::Xdp => &INTERFACES,
            Self::Off | Self::Nftables => &[],
        })
    }

    /// Rules of nftables, replacing what was there.
    pub(super) fn rules(self) -> String {
        match self {
            Self::Xdp | Self::Off => "flush ruleset\n".to_owned(),
            Self::Nftables => {
                RULES.replace("INTERFACES", &INTERFACES.join(", ")).replace("PORT", &PORT.to_string())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_for_each_source_is_written_where_sources_come_again() {
        assert!(!Defence::Nftables.counts_for(Kind::Syn));
        assert!(Defence::Nftables.counts_for(Kind::KnownName) && Defence::Xdp.counts_for(Kind::Syn));
        let rules = Defence::Nftables.rules();
        assert!(
            rules.contains("devices = { devices0, flood0 }") && rules.contains("tcp dport 8443 "),
            "{rules}"
        );
        assert_eq!(Defence::Off.rules().lines().count(), 1);
    }
}
