//! What has to come of a scenario. Whoever says nothing expects that no bad device is let in.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::sim::time;

/// Bounds. What has none is not judged.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Good devices that are refused: by an alert, a status, a code.
    pub refusals: Option<u64>,
    /// What else goes wrong for good devices.
    pub failures: Option<u64>,
    /// After a cut or a restart, all good devices are back within so many times what the cryptography of both sides takes on
    /// all CPUs of the machine.
    pub back: Option<f64>,
    /// The same in seconds.
    #[serde(default, deserialize_with = "some")]
    pub back_within: Option<Duration>,
    /// The 99th percentile of answers, of all good devices and all of the time but a storm.
    #[serde(default, deserialize_with = "some")]
    pub p99: Option<Duration>,
    /// The same of devices that were not cut while the others come back, over what it was before.
    pub p99_ratio: Option<f64>,
    /// From a revocation to the end of the device's connection, 99 of 100.
    #[serde(default, deserialize_with = "some")]
    pub revoked_within: Option<Duration>,
    /// How much the gateway's memory grows over the run, by a line fitted through it: 0.01 is a hundredth.
    pub memory_growth: Option<f64>,
    /// How many descriptors more the gateway has at the end than at the beginning.
    pub descriptors: Option<u64>,
}

fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    time::deserialize(deserializer).map(Some)
}
