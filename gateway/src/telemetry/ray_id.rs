//! Ids by which log lines that belong together are found.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// 16 hexadecimal digits that tell one request or stream from all others of this process, and nothing else.
pub fn ray_id() -> String {
    static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{:016x}", SEED.hash_one(NEXT.fetch_add(1, Ordering::Relaxed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ray_ids_differ() {
        assert_ne!(ray_id(), ray_id());
        assert_eq!(ray_id().len(), 16);
    }
}
