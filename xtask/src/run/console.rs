//! The live status: two looks at the metrics, and what happened between them.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Instant;

use super::metrics::{Metrics, label};
use crate::process::Result;

/// The metrics at a moment.
#[derive(Clone, Debug)]
pub(super) struct Look {
    at: Instant,
    metrics: Metrics,
}

impl Look {
    /// The metrics now.
    pub(super) fn now(address: SocketAddr) -> Result<Self> {
        Ok(Self { at: Instant::now(), metrics: Metrics::scrape(address)? })
    }

    fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        self.metrics.sum(name, labels)
    }
}

/// Draws the status.
#[derive(Debug)]
pub(super) struct Console {
    hints: String,
    started: Instant,
    xdp: bool,
}

impl Console {
    /// A console with these hints below its figures.
    pub(super) fn new(hints: &str, xdp: bool) -> Self {
        Self { hints: hints.to_owned(), started: Instant::now(), xdp }
    }

    /// A screen: figures, XDP verdicts by reason, hints.
    pub(super) fn screen(&self, before: &Look, now: &Look) -> String {
        let up = self.started.elapsed().as_secs();
        let mut text = format!(
            "Fleetgate, up {:02}:{:02}:{:02}. Ctrl-C takes it all down.\n\n",
            up / 3600,
            up / 60 % 60,
            up % 60
        );
        for (name, value) in figures(before, now) {
            let _ = writeln!(text, "  {name:<16}{value}");
        }
        if self.xdp {
            let _ = writeln!(text, "\n  XDP verdicts                          packets         /s");
            for (series, count) in verdicts(now) {
                let (action, reason) = (label(series, "action"), label(series, "reason"));
                let name = format!("{action} {reason}");
                let new = rate(before, now, |look| {
                    look.sum("fleetgate_xdp_packets_total", &[&format!("reason=\"{reason}\"")])
                });
                let _ = writeln!(text, "    {name:<32}{count:>11.0} {new:>10.1}");
            }
        } else {
            let _ = writeln!(text, "\n  XDP is off: limits are enforced in userspace");
        }
        let _ = write!(text, "\n{}\n", self.hints);
        text
    }

    /// The same in a line.
    pub(super) fn line(before: &Look, now: &Look) -> String {
        let figures: Vec<_> =
            figures(before, now).into_iter().map(|(name, value)| format!("{name} {value}")).collect();
        figures.join(", ")
    }
}

fn figures(before: &Look, now: &Look) -> [(&'static str, String); 5] {
    let handshakes = "fleetgate_handshakes_total";
    let requests = "fleetgate_requests_total";
    let (good, bad) = (now.sum(handshakes, &["result=\"ok\""]), now.sum(handshakes, &["result=\"error\""]));
    [
        ("devices", format!("{:.0} connected", now.sum("fleetgate_connections_active", &[]))),
        (
            "handshakes/s",
            format!(
                "{:.1} ({good:.0} done, {bad:.0} failed)",
                rate(before, now, |look| look.sum(handshakes, &[]))
            ),
        ),
        (
            "requests/s",
            format!(
                "{:.1} ({:.0} answered by the origin, {:.0} refused)",
                rate(before, now, |look| look.sum(requests, &[])),
                now.sum(requests, &["status=\"2xx\""]),
                now.sum(requests, &["status=\"4xx\""])
            ),
        ),
        ("cache hit rate", share(now)),
        ("reloads", format!("{:.0}", now.sum("fleetgate_config_reloads_total", &[]))),
    ]
}

/// Hits among all lookups of the verdict cache.
fn share(look: &Look) -> String {
    let hits = look.sum("fleetgate_verdict_cache_hits_total", &[]);
    let all = hits + look.sum("fleetgate_verdict_cache_misses_total", &[]);
    if all > 0.0 { format!("{:.0} %", 100.0 * hits / all) } else { "no lookups yet".into() }
}

/// How much `value` grew a second.
fn rate(before: &Look, now: &Look, value: impl Fn(&Look) -> f64) -> f64 {
    let seconds = (now.at - before.at).as_secs_f64();
    if seconds > 0.0 { (value(now) - value(before)) / seconds } else { 0.0 }
}

/// Verdicts that were given at all, the most frequent first.
fn verdicts(look: &Look) -> Vec<(&str, f64)> {
    let mut verdicts: Vec<_> =
        look.metrics.series("fleetgate_xdp_packets_total").filter(|(_, count)| *count > 0.0).collect();
    verdicts.sort_by(|a, b| b.1.total_cmp(&a.1));
    verdicts
}
