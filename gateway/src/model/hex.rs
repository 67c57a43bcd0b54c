//! Hexadecimal as people and tools write it: `0A1B`, `0a:1b`, `0x0a1b`, `sha256 Fingerprint=0A:1B`.

use std::fmt;

/// The octets, or nothing when it is not hexadecimal. An odd number of digits gets a leading zero.
pub fn parse(text: &str) -> Option<Vec<u8>> {
    // What `openssl x509 -fingerprint` and `-serial` print starts with a name.
    let text = text.rsplit_once('=').map_or(text, |(_, value)| value).trim();
    let text = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let nibbles = text
        .bytes()
        .filter(|byte| *byte != b':')
        .map(|byte| char::from(byte).to_digit(16).and_then(|nibble| u8::try_from(nibble).ok()))
        .collect::<Option<Vec<_>>>()?;
    let (first, pairs) = nibbles.split_at(nibbles.len() % 2);
    let (pairs, _) = pairs.as_chunks::<2>();
    let octets = first.iter().copied().chain(pairs.iter().map(|[high, low]| (high << 4) | low));
    Some(octets.collect())
}

/// 32 octets, or nothing.
pub fn parse_digest(text: &str) -> Option<[u8; 32]> {
    parse(text)?.try_into().ok()
}

/// Octets, shown as lower-case digits.
pub struct Lower<'a>(pub &'a [u8]);

/// Octets, shown as upper-case digits.
pub struct Upper<'a>(pub &'a [u8]);

impl fmt::Display for Lower<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Display for Upper<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}
