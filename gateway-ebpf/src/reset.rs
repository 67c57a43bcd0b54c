//! The segment that turns into a RST towards the stack.

use crate::reply::fold;

/// A checksum after one of its 16-bit words changed (RFC 1624, equation 3).
#[inline(always)]
pub const fn update_checksum(checksum: u16, old: u16, new: u16) -> u16 {
    let sum = !checksum as u32 + !old as u32 + new as u32;
    !fold(sum)
}
