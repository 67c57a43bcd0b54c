//! The origins of a host, and which of them a request goes to.

use std::sync::Arc;

use http::HeaderValue;

use super::health::{self, Standing};
use super::target::Target;
use crate::model::origin::MAX_ORIGINS;

/// The origins of a host.
#[derive(Debug)]
pub struct Origins {
    targets: Box<[Arc<Target>]>,
    balance: Balance,
    /// The `Host` that they see, where it is not the device's.
    pub(super) host: Option<HeaderValue>,
}

/// How one of several origins is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balance {
    /// The one with the fewest requests under way from the worker.
    #[default]
    LeastRequests,
    /// The same for a device as long as it works (rendezvous hashing); [`Self::LeastRequests`] for who has no
    /// certificate.
    Device,
}

/// A choice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice<'a> {
    pub(super) target: &'a Arc<Target>,
    pub(super) index: usize,
    /// Whether it is the one request that tries an origin which was out.
    pub(super) trial: bool,
}

/// Origins that were tried, as bits: there are at most [`MAX_ORIGINS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tried(u64);

impl Tried {
    pub(super) fn add(&mut self, index: usize) {
        self.0 |= 1 << index;
    }

    fn has(self, index: usize) -> bool {
        self.0 & (1 << index) != 0
    }
}

impl Origins {
    /// A host's origins, from one to [`MAX_ORIGINS`]. `None` when it is another number.
    pub fn new(targets: Vec<Arc<Target>>, balance: Balance, host: Option<HeaderValue>) -> Option<Self> {
        let fits = (1..=MAX_ORIGINS).contains(&targets.len());
        fits.then(|| Self { targets: targets.into(), balance, host })
    }

    /// All of them, at least one, in the order of the configuration.
    pub fn targets(&self) -> &[Arc<Target>] {
        &self.targets
    }

    /// The next to try: one that is in, else one that is due, else, at the first try, any. `device` is the fingerprint
    /// of a device's certificate, `load` how many requests are under way, `turn` a number that grows.
    pub(super) fn choose(
        &self,
        device: Option<&[u8; 32]>,
        tried: Tried,
        turn: usize,
        load: impl Fn(&Arc<Target>) -> usize,
    ) -> Option<Choice<'_>> {
        let device = device.filter(|_| self.balance == Balance::Device);
        let count = self.targets.len();
        // Of equals the first counts: each is first in turn.
        let order = (0..count).map(|step| (turn + step) % count).filter(|index| !tried.has(*index));
        let rank = |index: usize, target: &Arc<Target>| match device {
            Some(device) => (u64::MAX - score(device, target), index),
            None => (load(target) as u64, 0),
        };
        let candidates = || order.clone().filter_map(|index| Some((index, self.targets.get(index)?)));
        let best = |standing: Option<Standing>, now: u64| {
            candidates()
                .filter(|(_, target)| standing.is_none_or(|wanted| target.health.standing(now) == wanted))
                .min_by_key(|(index, target)| rank(*index, target))
        };
        let now = health::now();
        let (due, well) = (best(Some(Standing::Due), now), best(Some(Standing::In), now));
        if let Some((index, target)) = due {
            // A device does not leave an origin that works for one that may not.
            let is_wanted = device.is_none()
                || well.is_none_or(|(other, instead)| rank(index, target) < rank(other, instead));
            if is_wanted && target.health.try_it(now) {
                return Some(Choice { target, index, trial: true });
            }
        }
        let any = || if tried == Tried::default() { best(None, now) } else { None };
        well.or_else(any).map(|(index, target)| Choice { target, index, trial: false })
    }
}

/// Rendezvous hashing: the highest score of a device is its origin. Without that one the others keep theirs.
fn score(device: &[u8; 32], target: &Target) -> u64 {
    let first = device.first_chunk().copied().unwrap_or_default();
    mix(u64::from_be_bytes(first) ^ target.hash)
}

/// The finalizer of `SplitMix64`: every bit of the input counts for every bit of the output.
const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// A number for an origin's address, the same on every gateway.
pub(super) fn hash(label: &str) -> u64 {
    label.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        mix((hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    })
}

#[cfg(test)]
mod tests;
