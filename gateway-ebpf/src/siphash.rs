//! SipHash-1-3 over 64-bit words, keyed with a secret that is drawn when the program is loaded, so that nobody
//! can choose names that collide.
//!
//! Aumasson and Bernstein, "SipHash: a fast short-input PRF", with one compression and three finalisation rounds.

/// The 128-bit key.
pub type Secret = [u64; 2];

struct State {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
}

impl State {
    #[inline(always)]
    fn round(&mut self) {
        self.v0 = self.v0.wrapping_add(self.v1);
        self.v2 = self.v2.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(13) ^ self.v0;
        self.v3 = self.v3.rotate_left(16) ^ self.v2;
        self.v0 = self.v0.rotate_left(32);
        self.v2 = self.v2.wrapping_add(self.v1);
        self.v0 = self.v0.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(17) ^ self.v2;
        self.v3 = self.v3.rotate_left(21) ^ self.v0;
        self.v2 = self.v2.rotate_left(32);
    }

    #[inline(always)]
    fn absorb(&mut self, word: u64) {
        self.v3 ^= word;
        self.round();
        self.v0 ^= word;
    }
}

/// Hashes the first `len` bytes of `words`, each word little-endian and first put through `map`; what lies behind
/// `len` does not count. `words.len()` must be a power of two, and `len < words.len() * 8`.
#[inline(always)]
pub fn hash<const N: usize>(secret: Secret, words: &[u64; N], len: usize, map: impl Fn(u64) -> u64) -> u64 {
    const { assert!(N.is_power_of_two()) };
    let mut state = State {
        v0: secret[0] ^ 0x736f_6d65_7073_6575,
        v1: secret[1] ^ 0x646f_7261_6e64_6f6d,
        v2: secret[0] ^ 0x6c79_6765_6e65_7261,
        v3: secret[1] ^ 0x7465_6462_7974_6573,
    };
    let whole = (len / 8) & (N - 1);
    let mut index = 0;
    while index < whole {
        // The mask changes nothing; it lets compiler and verifier see the bound.
        state.absorb(map(words[index & (N - 1)]));
        index += 1;
    }
    let rest = map(words[whole & (N - 1)]) & ((1 << (8 * (len % 8))) - 1);
    state.absorb(rest | ((len as u64) << 56));
    state.v2 ^= 0xff;
    state.round();
    state.round();
    state.round();
    state.v0 ^ state.v1 ^ state.v2 ^ state.v3
}

#[cfg(test)]
mod tests {
    extern crate std;
    use core::hash::Hasher as _;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_the_siphasher_crate(secret: [u64; 2], bytes in prop::collection::vec(any::<u8>(), 0..255), dirt: u8) {
            let mut buffer = [dirt; 256];
            buffer[..bytes.len()].copy_from_slice(&bytes);
            let mut words = [0; 32];
            for (word, chunk) in words.iter_mut().zip(buffer.chunks_exact(8)) {
                *word = u64::from_le_bytes(chunk.try_into().unwrap());
            }
            let mut oracle = siphasher::sip::SipHasher13::new_with_keys(secret[0], secret[1]);
            oracle.write(&bytes);
            prop_assert_eq!(hash(secret, &words, bytes.len(), |word| word), oracle.finish());
        }
    }
}
