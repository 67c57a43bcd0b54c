//! Prometheus metrics. Labels have few values: configured host names and closed enums, never what a peer sent.

use prometheus::core::Collector;
use prometheus::{
    Encoder as _, Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

/// The label of what belongs to no configured host.
pub const OTHER: &str = "other";

/// From half a millisecond, a handshake on an idle core, to ten seconds, a timeout.
const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 2.5, 10.0];

macro_rules! metrics {
    ($($(#[doc = $doc:literal])+ $field:ident: $kind:ident = $name:literal $([$($label:literal),+])?;)+) => {
        /// Every metric, registered once.
        #[derive(Clone)]
        pub struct Metrics {
            registry: Registry,
            $($(#[doc = $doc])+ pub $field: $kind,)+
        }

        impl Metrics {
            /// Every metric at zero.
            ///
            /// # Errors
            /// When two metrics share a name: a mistake in this file.
            pub fn new() -> Result<Self, prometheus::Error> {
                let registry = Registry::new();
                $(let $field: $kind = register(&registry, Make::make($name, concat!($($doc),+), &[$($($label),+)?])?)?;)+
                Ok(Self { registry, $($field),+ })
            }
        }
    };
}

metrics! {
    /// Version of the gateway, as a label; always 1.
    build_info: IntGaugeVec = "fleetgate_build_info" ["version"];
    /// TLS handshakes, by host, result and reason.
    handshakes: IntCounterVec = "fleetgate_handshakes_total" ["host", "result", "reason"];
    /// Seconds from accept to the end of the handshake, successful ones.
    handshake_seconds: HistogramVec = "fleetgate_handshake_seconds" ["host"];
    /// Connections that are open.
    connections: IntGauge = "fleetgate_connections_active";
    /// Connections that rest: HTTP/1.1 without a request, and without its buffers.
    connections_parked: IntGauge = "fleetgate_connections_parked";
    /// How many connections may be open.
    connections_limit: IntGauge = "fleetgate_connections_limit";
    /// Times that accepting waited because the limit was reached.
    connections_limited: IntCounter = "fleetgate_connections_limit_hits_total";
    /// Connections that were handed to a worker on one of their host's CPUs, by host.
    handed_over: IntCounterVec = "fleetgate_connections_handed_over_total" ["host"];
    /// Connections whose packets came in on another CPU than their worker's, at the end of the handshake, by host. Only where workers have CPUs.
    off_cpu: IntCounterVec = "fleetgate_connections_off_cpu_total" ["host"];
    /// Accept errors, such as too many open files.
    accept_errors: IntCounter = "fleetgate_accept_errors_total";
    /// Connections that userspace closed for xdp.limit, xdp.deny or a ban, because XDP does not enforce it, by limit (its key, deny, or ban).
    limited: IntCounterVec = "fleetgate_limited_connections_total" ["limit"];
    /// HTTP connections, by host and version.
    http_connections: IntCounterVec = "fleetgate_http_connections_total" ["host", "version"];
    /// Connections that were ended because they lost their permit while they were open, by host and reason.
    connections_terminated: IntCounterVec = "fleetgate_connections_terminated_total" ["host", "reason"];
    /// Connections that ended early, by host and reason.
    connection_errors: IntCounterVec = "fleetgate_connection_errors_total" ["host", "reason"];
    /// Requests, by host and status class.
    requests: IntCounterVec = "fleetgate_requests_total" ["host", "status"];
    /// Seconds from a request's head to its response's head.
    request_seconds: HistogramVec = "fleetgate_request_seconds" ["host"];
    /// Access decisions, by host, decision and reason.
    decisions: IntCounterVec = "fleetgate_policy_decisions_total" ["host", "decision", "reason"];
    /// Requests that an origin did not answer, by host and reason.
    origin_errors: IntCounterVec = "fleetgate_origin_errors_total" ["host", "reason"];
    /// Connections to origins that were begun, by origin.
    origin_connections: IntCounterVec = "fleetgate_origin_connections_total" ["origin"];
    /// Requests that went to another origin after this one failed, by origin and reason.
    origin_retries: IntCounterVec = "fleetgate_origin_retries_total" ["origin", "reason"];
    /// Times that an origin was left out for a while because it failed, by origin.
    origin_ejections: IntCounterVec = "fleetgate_origin_ejections_total" ["origin"];
    /// Responses that were given up because no byte passed, by origin.
    origin_stalls: IntCounterVec = "fleetgate_origin_stalls_total" ["origin"];
    /// Times that a bound of the connections to an origin was reached, by origin and limit (requests, idle).
    origin_limited: IntCounterVec = "fleetgate_origin_limit_hits_total" ["origin", "limit"];
    /// 1 while requests go to the origin, 0 while it is left out, by host and origin.
    origin_healthy: IntGaugeVec = "fleetgate_origin_healthy" ["host", "origin"];
    /// Byte streams and upgraded connections that are open, by host.
    streams_active: IntGaugeVec = "fleetgate_streams_active" ["host"];
    /// Byte streams and upgraded connections that have ended, by host and reason.
    streams: IntCounterVec = "fleetgate_streams_total" ["host", "reason"];
    /// Bytes of byte streams and upgraded connections, by host and direction: received from devices, sent to them.
    stream_bytes: IntCounterVec = "fleetgate_stream_bytes_total" ["host", "direction"];
    /// CONNECTs and streams that the MQTT guard refused, by host and reason.
    mqtt_refusals: IntCounterVec = "fleetgate_mqtt_refusals_total" ["host", "reason"];
    /// Times that a device came up against its limit, by host and limit (requests, connections, bytes received or sent).
    device_limited: IntCounterVec = "fleetgate_device_limited_total" ["host", "limit"];
    /// Times that a device had to share its limits with others, because the table of devices was full.
    device_limit_overflows: IntCounter = "fleetgate_device_limit_overflows_total";
    /// Bodies that came up against a bound, by host and limit (its key without its table).
    body_limited: IntCounterVec = "fleetgate_body_limit_hits_total" ["host", "limit"];
    /// Lookups that found a live verdict.
    cache_hits: IntCounter = "fleetgate_verdict_cache_hits_total";
    /// Lookups that did not.
    cache_misses: IntCounter = "fleetgate_verdict_cache_misses_total";
    /// Verdicts that made room for others.
    cache_evictions: IntCounter = "fleetgate_verdict_cache_evictions_total";
    /// Verdicts in the cache.
    cache_entries: IntGauge = "fleetgate_verdict_cache_entries";
    /// Verdicts that the cache holds at most.
    cache_capacity: IntGauge = "fleetgate_verdict_cache_capacity";
    /// Application tokens that were signed.
    tokens_issued: IntCounter = "fleetgate_tokens_issued_total";
    /// Application tokens that could not be signed.
    token_signing_failures: IntCounter = "fleetgate_token_signing_failures_total";
    /// Application tokens that are kept, to be used again.
    token_cache_entries: IntGauge = "fleetgate_token_cache_entries";
    /// Application tokens that are kept at most.
    token_cache_capacity: IntGauge = "fleetgate_token_cache_capacity";
    /// Application tokens that made room for others.
    token_cache_evictions: IntCounter = "fleetgate_token_cache_evictions_total";
    /// When the key that signs application tokens was made, in seconds since the epoch.
    token_key_created: IntGauge = "fleetgate_token_key_created_timestamp_seconds";
    /// New keys for application tokens that could not be made or kept; the one before signs on.
    token_rotation_failures: IntCounter = "fleetgate_token_key_rotation_failures_total";
    /// Packets by XDP verdict: action and reason.
    xdp_packets: IntCounterVec = "fleetgate_xdp_packets_total" ["action", "reason"];
    /// Packets that XDP has steered, by CPU.
    xdp_steered: IntCounterVec = "fleetgate_xdp_steered_packets_total" ["cpu"];
    /// Hellos that XDP matched, by host.
    xdp_hellos: IntCounterVec = "fleetgate_xdp_hellos_total" ["host"];
    /// Packets that XDP passed for the host, from the hello on.
    xdp_host_packets: IntCounterVec = "fleetgate_xdp_host_packets_total" ["host"];
    /// Bytes of those packets, with their headers.
    xdp_host_bytes: IntCounterVec = "fleetgate_xdp_host_bytes_total" ["host"];
    /// Hellos for the host that XDP refused, by reason.
    xdp_host_drops: IntCounterVec = "fleetgate_xdp_host_drops_total" ["host", "reason"];
    /// Bans, by what brought them.
    bans: IntCounterVec = "fleetgate_bans_total" ["cause"];
    /// 1 while the program is attached to the interface in this mode.
    xdp_attached: IntGaugeVec = "fleetgate_xdp_attached" ["interface", "mode"];
    /// 1 when every configured interface has the program, or none is configured.
    xdp_healthy: IntGauge = "fleetgate_xdp_healthy";
    /// Generation of the snapshot in force.
    snapshot_generation: IntGauge = "fleetgate_snapshot_generation";
    /// 1 while changes can be kept, or none are because there is no state directory.
    store_healthy: IntGauge = "fleetgate_store_healthy";
    /// Reloads, by result.
    reloads: IntCounterVec = "fleetgate_config_reloads_total" ["result"];
    /// 1 when the last reload took effect, 0 when the old snapshot still serves.
    reload_successful: IntGauge = "fleetgate_config_last_reload_successful";
    /// When a configuration last took effect, in seconds since the epoch.
    reload_timestamp: Gauge = "fleetgate_config_last_reload_success_timestamp_seconds";
    /// When a certificate expires, in seconds since the epoch, by kind (host, ca or intermediate) and name; of several in an mTLS certificate the first.
    certificate_not_after: IntGaugeVec = "fleetgate_certificate_not_after_timestamp_seconds" ["kind", "name"];
    /// CAs that a host trusts. 0 verifies nobody.
    trust_anchors: IntGaugeVec = "fleetgate_trust_anchors" ["host"];
    /// Entries of a CA's CRLs, by the name of its mTLS certificate.
    crl_entries: IntGaugeVec = "fleetgate_crl_entries" ["certificate"];
    /// When the first of a CA's CRLs is due to be replaced, in seconds since the epoch.
    crl_next_update: IntGaugeVec = "fleetgate_crl_next_update_timestamp_seconds" ["certificate"];
    /// Attempts to send an alert, by mechanism (webhook, pagerduty, email) and result (delivered, failed, abandoned, unrecorded).
    alerts: IntCounterVec = "fleetgate_alerts_total" ["mechanism", "result"];
    /// Alerts that are due and not delivered yet.
    alerts_waiting: IntGauge = "fleetgate_alerts_waiting";
    /// CRLs that could not be fetched or did not load; the list before stays in force. By name and reason.
    crl_load_failures: IntCounterVec = "fleetgate_crl_load_failures_total" ["certificate", "reason"];
    /// When the least recently loaded of a CA's CRLs was loaded, or found unchanged at its URL, in seconds since the epoch.
    crl_last_success: IntGaugeVec = "fleetgate_crl_last_success_timestamp_seconds" ["certificate"];
    /// Checks that a device passed although the part of its CA's CRL that would list it is not loaded, and the CA is soft.
    crl_uncovered: IntCounter = "fleetgate_crl_uncovered_passes_total";
    /// Bytes that the loaded CRLs take.
    crl_bytes: IntGauge = "fleetgate_crl_bytes";
    /// Local denials: fingerprints, keys, common names and serial numbers.
    denied_devices: IntGauge = "fleetgate_denied_devices";
    /// Local denials that were refused because there are as many as may be.
    denials_refused: IntCounter = "fleetgate_denials_refused_total";
    /// CAs that may sign with SHA-1.
    sha1_authorities: IntGauge = "fleetgate_sha1_certificate_authorities";
    /// Access log lines lost because the reader of standard output was too slow.
    access_log_dropped: IntCounter = "fleetgate_access_log_dropped_total";
    /// Panics. Each ended at most one connection, and each is a bug.
    panics: IntCounter = "fleetgate_panics_total";
}

impl Metrics {
    /// All metrics in Prometheus' text format.
    pub fn render(&self) -> Vec<u8> {
        let mut text = Vec::new();
        // Writing to a Vec cannot fail; a metric that cannot be encoded is left out.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        text
    }

    /// Counts every panic of the process from now on, before it is reported as ever.
    pub fn count_panics(&self) {
        let (panics, report) = (self.panics.clone(), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |info| {
            panics.inc();
            report(info);
        }));
    }

    /// Adds the metrics of the process itself: CPU seconds, memory, open files.
    ///
    /// # Errors
    /// When they are registered already.
    pub fn register_process(&self) -> Result<(), prometheus::Error> {
        self.registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))
    }
}

fn register<T: Collector + Clone + 'static>(registry: &Registry, metric: T) -> Result<T, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

/// A metric from its name, its help and its labels.
trait Make: Sized {
    fn make(name: &str, help: &str, labels: &[&str]) -> Result<Self, prometheus::Error>;
}

macro_rules! make {
    ($($kind:ident |$name:ident, $help:ident, $labels:ident| $make:expr;)+) => {$(
        impl Make for $kind {
            fn make($name: &str, $help: &str, $labels: &[&str]) -> Result<Self, prometheus::Error> {
                let $help = $help.trim();
                $make
            }
        }
    )+};
}

make! {
    Gauge |name, help, _labels| Self::new(name, help);
    IntCounter |name, help, _labels| Self::new(name, help);
    IntGauge |name, help, _labels| Self::new(name, help);
    IntCounterVec |name, help, labels| Self::new(Opts::new(name, help), labels);
    IntGaugeVec |name, help, labels| Self::new(Opts::new(name, help), labels);
    HistogramVec |name, help, labels| Self::new(HistogramOpts::new(name, help).buckets(SECONDS.to_vec()), labels);
    Histogram |name, help, _labels| Self::with_opts(HistogramOpts::new(name, help).buckets(SECONDS.to_vec()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_the_prefix_and_help() {
        let metrics = Metrics::new().unwrap();
        let families = metrics.registry.gather();
        assert!(!families.is_empty());
        for family in families {
            assert!(family.name().starts_with("fleetgate_"), "{}", family.name());
            assert!(!family.help().is_empty(), "{}", family.name());
        }
    }
}
