//! Verified devices speak for their source: it is not banned on evidence, since behind one address may be a whole carrier.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::table::{Table, Used};
use crate::device::identity::Fingerprint;

/// How long a verified device speaks for its source after its last connection has ended.
const SPEAKS_FOR: Duration = Duration::from_hours(1);
/// Distinct devices of one source that are counted: its limits rise that far.
const MAX_DEVICES: usize = 1024;

/// Sources of verified devices.
#[derive(Debug)]
pub(super) struct Voices {
    epoch: Instant,
    known: Table<IpAddr, Known>,
    max: usize,
    /// Devices of all sources together: as many as there may be sources.
    devices: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct Known {
    devices: HashSet<Fingerprint>,
    /// Connections that are open.
    open: usize,
    /// Until when it is spoken for without any, in nanoseconds of the clock.
    until: u64,
    /// Whether the XDP program has not heard of it.
    is_news: bool,
    /// Where its devices are counted with all others.
    total: Arc<AtomicUsize>,
}

impl Used for Known {
    fn is_as_new(&self, now: u64) -> bool {
        self.open == 0 && self.until <= now
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        self.total.fetch_sub(self.devices.len(), Ordering::Relaxed);
    }
}

/// A verified device's connection, which speaks for its source until this is dropped.
#[derive(Debug)]
pub struct Voice {
    voices: Arc<Voices>,
    source: IpAddr,
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.voices.fall_silent(self.source, self.voices.now());
    }
}

impl Voices {
    /// For so many sources at once.
    pub(super) fn new(max: u32) -> Arc<Self> {
        let (known, max) = (Table::new(max), max as usize);
        Arc::new(Self { epoch: Instant::now(), known, max, devices: Arc::default() })
    }

    /// A device was verified at `source`. `None` when there is no room for the source.
    pub(super) fn speak(self: &Arc<Self>, source: IpAddr, device: Fingerprint) -> Option<Voice> {
        self.note(source, device, self.now()).then(|| Voice { voices: Arc::clone(self), source })
    }

    /// Whether a device speaks for `source`.
    pub(super) fn speaks_for(&self, source: IpAddr) -> bool {
        self.known.get_mut(&source).is_some_and(|known| !known.is_as_new(self.now()))
    }

    /// Sources that are new, or have more devices, and how many they have.
    pub(super) fn take_news(&self) -> Vec<(IpAddr, u64)> {
        let news = self.known.iter_mut().filter(|known| known.is_news).map(|mut known| {
            known.is_news = false;
            (*known.key(), known.devices.len().max(1) as u64)
        });
        news.collect()
    }

    fn note(&self, source: IpAddr, device: Fingerprint, now: u64) -> bool {
        let Some(mut known) = self.known.entry(source, now) else { return false };
        if known.until == 0 {
            (known.is_news, known.total) = (true, Arc::clone(&self.devices));
        }
        known.open += 1;
        known.until = now.saturating_add(nanos(SPEAKS_FOR));
        let has_room = known.devices.len() < MAX_DEVICES && self.devices.load(Ordering::Relaxed) < self.max;
        if has_room && known.devices.insert(device) {
            self.devices.fetch_add(1, Ordering::Relaxed);
            known.is_news = true;
        }
        true
    }

    fn fall_silent(&self, source: IpAddr, now: u64) {
        if let Some(mut known) = self.known.get_mut(&source) {
            known.open = known.open.saturating_sub(1);
            known.until = now.saturating_add(nanos(SPEAKS_FOR));
        }
    }

    fn now(&self) -> u64 {
        nanos(self.epoch.elapsed())
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const HOUR: u64 = 3600 * SECOND;

    fn source(host: u8) -> IpAddr {
        [192, 0, 2, host].into()
    }

    fn device(number: u8) -> Fingerprint {
        Fingerprint([number; 32])
    }

    #[test]
    fn a_full_table_forgets_who_has_been_silent_for_an_hour_and_keeps_who_is_connected() {
        let voices = Voices::new(2);
        assert!(voices.note(source(1), device(1), SECOND) && voices.note(source(2), device(2), SECOND));
        voices.fall_silent(source(1), SECOND);
        assert!(!voices.note(source(3), device(3), HOUR), "both are still spoken for");
        assert!(voices.note(source(3), device(3), HOUR + 2 * SECOND));
        assert!(voices.known.get_mut(&source(1)).is_none(), "it has been silent for an hour");
        assert!(voices.known.get_mut(&source(2)).is_some(), "it is connected");
        assert_eq!(voices.devices.load(Ordering::Relaxed), 2, "devices go with their source");
    }

    #[test]
    fn a_full_table_is_swept_once_a_second_at_most() {
        let voices = Voices::new(1);
        assert!(voices.note(source(1), device(1), 0));
        // A sweep that finds nothing, shortly before the hour is over.
        assert!(!voices.note(source(2), device(2), HOUR - SECOND / 4));
        voices.fall_silent(source(1), 0);
        assert!(!voices.note(source(2), device(2), HOUR + SECOND / 4));
        assert!(voices.note(source(2), device(2), HOUR + SECOND));
    }

    #[test]
    fn a_connection_speaks_for_its_source_for_as_long_as_it_is_open_and_devices_count_once() {
        let voices = Voices::new(10);
        let open: Vec<_> = [1, 1, 2].map(|number| voices.speak(source(1), device(number))).into();
        assert!(voices.speaks_for(source(1)) && !voices.speaks_for(source(2)));
        assert_eq!(voices.take_news(), [(source(1), 2)]);
        assert_eq!(voices.take_news(), []);
        voices.known.get_mut(&source(1)).unwrap().until = 0;
        assert!(voices.speaks_for(source(1)), "however long ago it came");
        drop(open);
        assert!(voices.speaks_for(source(1)), "and for a while after");
        voices.known.get_mut(&source(1)).unwrap().until = 0;
        assert!(!voices.speaks_for(source(1)));
    }
}
