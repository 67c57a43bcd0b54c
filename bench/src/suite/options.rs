//! What a suite is told.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::server::Peer;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Suite {
    /// New connections with one request each.
    Handshake,
    /// Requests on held connections, large answers, latency, streams.
    Proxy,
    /// Idle connections.
    Memory,
    /// Changes of what is stored.
    Change,
}

/// What a suite is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// The gateway's binary.
    pub gateway: PathBuf,
    /// Beside whom; all of them installed.
    pub peers: Vec<Peer>,
    /// How much of everything.
    pub sizes: Sizes,
}

/// How much of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Devices.
    pub identities: usize,
    /// Rounds.
    pub rounds: usize,
    /// Handshakes a round.
    pub handshakes: usize,
    /// Requests on held connections a round.
    pub requests: usize,
    /// Answers of 1 MiB a round.
    pub mebibytes: usize,
    /// Requests a round whose latency is taken.
    pub latencies: usize,
    /// Streams of 64 MiB a round.
    pub streams: usize,
    /// Idle connections.
    pub idle: usize,
}

impl Sizes {
    /// Enough for figures to hold on to; a few minutes.
    pub const WHOLE: Self = Self {
        identities: 300,
        rounds: 7,
        handshakes: 600,
        requests: 4_000,
        mebibytes: 120,
        latencies: 1_000,
        streams: 8,
        idle: 5_000,
    };
    /// Enough to see that all of it works, and roughly how things stand.
    pub const QUICK: Self = Self {
        identities: 60,
        rounds: 3,
        handshakes: 120,
        requests: 800,
        mebibytes: 30,
        latencies: 300,
        streams: 2,
        idle: 1_000,
    };

    /// One of the two, with another number of rounds if one is given.
    #[must_use]
    pub fn choose(quick: bool, rounds: Option<NonZeroUsize>) -> Self {
        let sizes = if quick { Self::QUICK } else { Self::WHOLE };
        Self { rounds: rounds.map_or(sizes.rounds, NonZeroUsize::get), ..sizes }
    }
}
