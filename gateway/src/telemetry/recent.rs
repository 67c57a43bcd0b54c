//! The last decisions, in memory, for whoever asks: the API's access request logs.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::access_log::Line;

/// Octets of a text at most.
const MAX_TEXT: usize = 256;

/// A decision that denied, or was the first of its connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// When, in seconds since the epoch.
    pub time: f64,
    /// The id of the request.
    pub ray_id: Box<str>,
    /// The host that was asked for.
    pub host: Box<str>,
    /// The application's id, if there is one.
    pub application_id: Option<Box<str>>,
    /// Whether it permitted.
    pub permitted: bool,
    /// Where it came from.
    pub source: IpAddr,
}

/// A bounded number of decisions; the oldest give way.
#[derive(Clone, Debug)]
pub struct Recent {
    kept: Arc<Mutex<VecDeque<Decision>>>,
    most: usize,
}

impl Recent {
    /// Keeps so many.
    pub fn new(most: usize) -> Self {
        Self { kept: Arc::default(), most }
    }

    /// Whether any are kept.
    pub fn keeps_any(&self) -> bool {
        self.most > 0
    }

    /// Keeps what a line says of a decision.
    pub fn note(&self, line: &Line<'_>) {
        if let Some(decision) = self.decision(line) {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() >= self.most {
                kept.pop_front();
            }
            kept.push_back(decision);
        }
    }

    /// Those that are kept, the latest last.
    pub fn all(&self) -> Vec<Decision> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn decision(&self, line: &Line<'_>) -> Option<Decision> {
        if !self.keeps_any() {
            return None;
        }
        let (time, ray_id, host, application_id, decision, peer) = match line {
            Line::Decision { time, ray_id, host, application_id, decision, peer, .. } => {
                (*time, ray_id, host, application_id.as_deref(), decision, peer)
            }
            Line::StreamStart { time, ray_id, host, decision, peer, .. } => {
                (*time, ray_id, host, None, decision, peer)
            }
            Line::Request { .. } | Line::StreamEnd { .. } | Line::Change { .. } | Line::Handshake { .. } => {
                return None;
            }
        };
        let text = |text: &str| text[..text.floor_char_boundary(MAX_TEXT)].into();
        Some(Decision {
            time,
            ray_id: text(ray_id),
            host: text(host),
            application_id: application_id.map(text),
            permitted: *decision == "permit",
            source: peer.source.ip(),
        })
    }
}
