//! What is seen of the gateway from outside, about once a second.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use super::processes::Gateway;
use crate::measure::{resident, used};

/// What was seen at some moment. What could not be had is `None`.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    /// Seconds since the beginning.
    pub(super) at: f64,
    /// KiB in memory, in user space.
    pub(super) memory: Option<f64>,
    /// KiB of the kernel's objects, all of the machine's: sockets of both ends are in it.
    pub(super) kernel: Option<f64>,
    /// Open descriptors.
    pub(super) descriptors: Option<u64>,
    /// CPU time that the process has used.
    pub(super) cpu: Option<Duration>,
    /// Packets by XDP verdict: `action reason`.
    pub(super) verdicts: BTreeMap<String, u64>,
}

impl Sample {
    /// As of now.
    pub(super) async fn take(gateway: &Gateway, at: f64) -> Self {
        let Some(id) = gateway.id() else { return Self { at, ..Self::default() } };
        let metrics = gateway.metrics().await.unwrap_or_default();
        let descriptors = fs::read_dir(format!("/proc/{id}/fd")).ok().map(|entries| entries.count() as u64);
        Self {
            at,
            memory: resident(id).ok(),
            kernel: fs::read_to_string("/proc/meminfo").ok().and_then(|info| slab(&info)),
            descriptors,
            cpu: i32::try_from(id).ok().and_then(|id| used(id).ok()),
            verdicts: verdicts(&metrics),
        }
    }
}

fn slab(info: &str) -> Option<f64> {
    let line = info.lines().find_map(|line| line.strip_prefix("Slab:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn verdicts(metrics: &str) -> BTreeMap<String, u64> {
    let parse = |line: &str| {
        let (labels, value) = line.strip_prefix("fleetgate_xdp_packets_total{")?.split_once("} ")?;
        let label = |name: &str| labels.split(&format!("{name}=\"")).nth(1)?.split('"').next();
        let count = value.trim().parse().ok().filter(|count| *count > 0)?;
        Some((format!("{} {}", label("action")?, label("reason")?), count))
    };
    metrics.lines().filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_that_were_given_are_read() {
        let metrics = "# HELP fleetgate_xdp_packets_total x\n\
                       fleetgate_xdp_packets_total{action=\"pass\",reason=\"syn\"} 12\n\
                       fleetgate_xdp_packets_total{action=\"drop\",reason=\"banned\"} 0\n\
                       fleetgate_panics_total 3\n";
        assert_eq!(verdicts(metrics), BTreeMap::from([("pass syn".to_owned(), 12)]));
    }
}
