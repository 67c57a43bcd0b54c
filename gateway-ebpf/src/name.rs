//! Host names as map keys. Userspace's hostname type and the XDP program compute the same key from the same
//! name, which does not depend on case or on a trailing dot.

use crate::siphash::{self, Secret};

/// Bytes that a [`NameBuffer`] holds: more than the 253 of the longest name.
pub const CAPACITY: usize = 256;

/// A name at the start of an aligned buffer, whatever lies behind it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct NameBuffer {
    words: [u64; CAPACITY / 8],
}

/// Which names a key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// The name itself.
    Exact,
    /// Any one label in front of the name: `*.example.com` is keyed by `example.com`.
    Wildcard,
}

/// A host in the `HOSTS` map: a keyed hash of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct HostKey(pub u64);

impl NameBuffer {
    /// A buffer that holds `name`, or `None` when the name is too long for one.
    pub fn new(name: &[u8]) -> Option<Self> {
        let mut bytes = [0; CAPACITY];
        bytes.get_mut(..name.len())?.copy_from_slice(name);
        let mut words = [0; CAPACITY / 8];
        for (word, chunk) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*chunk);
        }
        Some(Self { words })
    }

    /// Where the kernel copies a name to.
    pub const fn as_mut_ptr(&mut self) -> *mut u8 {
        self.words.as_mut_ptr().cast()
    }

    /// The byte at `index`, which wraps at the capacity.
    #[inline(always)]
    pub const fn byte(&self, index: usize) -> u8 {
        (self.words[(index / 8) & (CAPACITY / 8 - 1)] >> (8 * (index % 8))) as u8
    }

    /// The length of a name of `len` bytes without a trailing dot.
    #[inline(always)]
    pub const fn without_dot(&self, len: usize) -> usize {
        if len > 0 && self.byte(len - 1) == b'.' { len - 1 } else { len }
    }

    /// Where the name begins that a wildcard for it would be keyed by: after the first dot.
    /// `None` where the first label is empty or longer than a label can be.
    #[inline(always)]
    pub fn parent(&self, len: usize) -> Option<usize> {
        let mut index = 0;
        while index < 64 && index < len {
            if self.byte(index) == b'.' {
                return if index == 0 { None } else { Some(index + 1) };
            }
            index += 1;
        }
        None
    }

    /// The key of the first `len` bytes in lower case.
    #[inline(always)]
    pub fn key(&self, secret: Secret, pattern: Pattern, len: usize) -> HostKey {
        let secret = match pattern {
            Pattern::Exact => secret,
            Pattern::Wildcard => [!secret[0], !secret[1]],
        };
        HostKey(siphash::hash(secret, &self.words, len, lower_case))
    }
}

/// Lower-cases eight bytes at once; only `A` to `Z` change.
#[inline(always)]
const fn lower_case(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let seven = word & !HIGH;
    let from_a = seven + ONES * (0x80 - b'A' as u64);
    let beyond_z = seven + ONES * (0x80 - b'Z' as u64 - 1);
    // The high bit is set where the byte is ASCII and A <= byte <= Z; shifted to 0x20, it is the case bit.
    let upper = (from_a ^ beyond_z) & HIGH & !word;
    word | (upper >> 2)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    const SECRET: Secret = [1, 2];

    fn exact(name: &[u8]) -> HostKey {
        let buffer = NameBuffer::new(name).unwrap();
        buffer.key(SECRET, Pattern::Exact, buffer.without_dot(name.len()))
    }

    #[test]
    fn case_and_a_trailing_dot_do_not_count() {
        assert_eq!(exact(b"IoT.Example.COM."), exact(b"iot.example.com"));
    }

    #[test]
    fn an_embedded_nul_or_a_longer_name_is_another_name() {
        assert_ne!(exact(b"iot.example.com\0"), exact(b"iot.example.com"));
        assert_ne!(exact(b"iot.example.com.."), exact(b"iot.example.com"));
    }

    #[test]
    fn a_wildcard_never_shares_its_key_with_the_name_it_hangs_under() {
        let buffer = NameBuffer::new(b"example.com").unwrap();
        assert_ne!(buffer.key(SECRET, Pattern::Exact, 11), buffer.key(SECRET, Pattern::Wildcard, 11));
    }

    #[test]
    fn the_parent_begins_after_one_label() {
        let parent = |name: &[u8]| NameBuffer::new(name).unwrap().parent(name.len());
        assert_eq!(parent(b"a.example.com"), Some(2));
        assert_eq!(parent(b".example.com"), None);
        assert_eq!(parent(b"localhost"), None);
        assert_eq!(parent(&[b'a'; 100]), None);
    }

    proptest! {
        #[test]
        fn lower_case_agrees_with_std(bytes: [u8; 8]) {
            let expected: Vec<u8> = bytes.iter().map(u8::to_ascii_lowercase).collect();
            prop_assert_eq!(&lower_case(u64::from_le_bytes(bytes)).to_le_bytes()[..], &expected[..]);
        }
    }
}
