//! Issued tokens by subject and application. Bounded; whoever misses first makes the token, and the others wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::{Cache, EntryAction, EntryResult, PlaceholderGuard};
use quick_cache::{DefaultHashBuilder, Lifecycle, UnitWeighter};

use super::audience::{Audience, AudienceId};
use super::issued::Token;
use super::subject::Subject;

/// What a token is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    subject: [u8; 32],
    audience: AudienceId,
}

impl Key {
    pub(super) fn new(subject: &Subject<'_>, audience: &Audience) -> Self {
        Self { subject: subject.id, audience: audience.id() }
    }
}

/// Counts what makes room for others.
#[derive(Clone, Debug, Default)]
struct Evictions(Arc<AtomicU64>);

impl Lifecycle<Key, Arc<Token>> for Evictions {
    type RequestState = ();

    fn on_evict(&self, (): &mut (), _: Key, _: Arc<Token>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

type Inner = Cache<Key, Arc<Token>, UnitWeighter, DefaultHashBuilder, Evictions>;
type Guard<'a> = PlaceholderGuard<'a, Key, Arc<Token>, UnitWeighter, DefaultHashBuilder, Evictions>;

/// Issued tokens.
#[derive(Debug)]
pub(super) struct TokenCache {
    inner: Inner,
    evictions: Evictions,
}

/// A place in the cache, or the token that is there.
pub(super) enum Found<'a> {
    Token(Arc<Token>),
    /// Whoever asks for the same token waits until it is taken, or given up.
    Place(Place<'a>),
}

/// Where a token is missing.
pub(super) struct Place<'a>(Guard<'a>);

impl Place<'_> {
    pub(super) fn take(self, token: Arc<Token>) {
        // A place that was cleared meanwhile is no loss: the next request makes another.
        let _ = self.0.insert(token);
    }
}

impl TokenCache {
    pub(super) fn new(capacity: u32) -> Self {
        let evictions = Evictions::default();
        let capacity = capacity.max(1);
        let inner = Cache::with(
            capacity as usize,
            capacity.into(),
            UnitWeighter,
            DefaultHashBuilder::default(),
            evictions.clone(),
        );
        Self { inner, evictions }
    }

    /// The token, if it is there and `is_fit` says so. Takes a shard's read lock.
    pub(super) fn get(&self, key: &Key, is_fit: impl Fn(&Token) -> bool) -> Option<Arc<Token>> {
        self.inner.get(key).filter(|token| is_fit(token))
    }

    /// The token, if it is there or somebody is making it; else its place, which the caller should fill.
    pub(super) async fn find(&self, key: &Key, is_fit: impl Fn(&Token) -> bool) -> Found<'_> {
        loop {
            let fit = |_: &Key, token: &mut Arc<Token>| {
                if is_fit(token) {
                    EntryAction::Retain(Arc::clone(token))
                } else {
                    EntryAction::ReplaceWithGuard
                }
            };
            match self.inner.entry_async(key, fit).await {
                EntryResult::Retained(token) => return Found::Token(token),
                EntryResult::Vacant(guard) | EntryResult::Replaced(guard, _) => {
                    return Found::Place(Place(guard));
                }
                EntryResult::Removed(..) | EntryResult::Timeout => {}
            }
        }
    }

    /// Forgets the tokens of an application; gives their number.
    pub(super) fn forget(&self, aud: &str) -> usize {
        let before = self.inner.len();
        self.inner.retain(|_, token| &*token.aud != aud);
        before.saturating_sub(self.inner.len())
    }

    /// Forgets one token.
    pub(super) fn forget_one(&self, key: &Key) {
        self.inner.remove(key);
    }

    pub(super) fn len(&self) -> u64 {
        self.inner.len() as u64
    }

    /// At most. A little more than was asked for where that cannot be divided by the number of shards.
    pub(super) fn capacity(&self) -> u64 {
        self.inner.capacity()
    }

    /// Keeps no more than `capacity` from now on, at least one.
    pub(super) fn set_capacity(&self, capacity: u32) {
        self.inner.set_capacity(capacity.max(1).into());
    }

    pub(super) fn evictions(&self) -> u64 {
        self.evictions.0.load(Ordering::Relaxed)
    }
}
