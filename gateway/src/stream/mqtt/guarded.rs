//! A stream of MQTT behind its CONNECT.

use std::sync::Arc;

use super::connect::Version;
use super::framing::{Framing, Offence};
use super::refusal::{Refusal, disconnect};
use crate::config::Mqtt;

/// What the guard remembers of a stream.
#[derive(Debug)]
pub(in crate::stream) struct Guarded {
    settings: Arc<Mqtt>,
    /// The version that the device speaks.
    pub(in crate::stream) version: Version,
    up: Framing,
    /// None where the origin sends something that is not MQTT.
    down: Option<Framing>,
}

impl Guarded {
    /// Behind a CONNECT that passed under these settings.
    pub(in crate::stream) fn new(settings: Arc<Mqtt>, version: Version) -> Self {
        Self { settings, version, up: Framing::Start, down: Some(Framing::Start) }
    }

    /// What its CONNECT passed under.
    pub(in crate::stream) fn settings(&self) -> Arc<Mqtt> {
        Arc::clone(&self.settings)
    }

    /// Follows what the device sends.
    ///
    /// # Errors
    /// [`Offence`].
    pub(in crate::stream) fn follow_up(&mut self, piece: &[u8]) -> Result<(), Offence> {
        self.up.follow(piece, self.settings.max_packet as usize)
    }

    /// Follows what the origin sends, for knowing where a packet may come in between.
    pub(in crate::stream) fn follow_down(&mut self, piece: &[u8]) {
        let followed = self.down.as_mut().map(|framing| framing.follow(piece, usize::MAX));
        if followed.is_some_and(|followed| followed.is_err()) {
            self.down = None;
        }
    }

    /// The DISCONNECT that says why, where one may come in between.
    pub(in crate::stream) fn goodbye(&self, refusal: Refusal) -> Option<Vec<u8>> {
        let between = self.down == Some(Framing::Start);
        between.then(|| disconnect(refusal, self.version)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goodbye_never_comes_within_a_packet() {
        let mut guarded = Guarded::new(Arc::default(), Version::V5);
        assert!(guarded.goodbye(Refusal::TooLarge).is_some());
        guarded.follow_down(&[0x20, 3, 0]);
        assert_eq!(guarded.goodbye(Refusal::TooLarge), None);
        guarded.follow_down(&[0, 0]);
        assert_eq!(guarded.goodbye(Refusal::TooLarge), Some(vec![0xe0, 1, 0x95]));
        guarded.follow_down(b"\x30\xff\xff\xff\xff");
        assert_eq!(guarded.goodbye(Refusal::TooLarge), None, "what is no MQTT has no place between");
    }
}
