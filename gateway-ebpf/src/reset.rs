//! Resets: the segment that turns into one towards the stack, and the one that a client gets for an answer.

use crate::frame::{Segment, flag};

/// A TCP header without options.
const TCP: usize = 20;
/// An IPv4 header without options, and the RST's TCP header.
pub const V4: usize = 20 + TCP;
/// An IPv6 header, and the RST's TCP header.
pub const V6: usize = 40 + TCP;
const PROTOCOL_TCP: u8 = 6;
const HOP_LIMIT: u8 = 64;

/// A checksum after one of its 16-bit words changed (RFC 1624, equation 3).
#[inline(always)]
pub const fn update_checksum(checksum: u16, old: u16, new: u16) -> u16 {
    let sum = !checksum as u32 + !old as u32 + new as u32;
    !fold(sum)
}

/// Makes `packet` the IPv4 packet that answers `segment` with a RST, which its sender accepts (RFC 9293, 3.5.3).
#[inline(always)]
pub fn answer_v4(segment: &Segment, packet: &mut [u8; V4]) {
    *packet = [0; V4];
    packet[0] = 0x45;
    packet[3] = V4 as u8;
    // Don't fragment: without it the identification must be unique.
    packet[6] = 0x40;
    packet[8] = HOP_LIMIT;
    packet[9] = PROTOCOL_TCP;
    put_word(packet, 12, segment.flow.destination.0[3]);
    put_word(packet, 16, segment.flow.source.0[3]);
    let checksum = !sum(packet, 0, 20);
    put(packet, 10, checksum);
    tcp(packet, 20, segment);
}

/// The same over IPv6.
#[inline(always)]
pub fn answer_v6(segment: &Segment, packet: &mut [u8; V6]) {
    *packet = [0; V6];
    packet[0] = 0x60;
    packet[5] = TCP as u8;
    packet[6] = PROTOCOL_TCP;
    packet[7] = HOP_LIMIT;
    let mut index = 0;
    while index < 4 {
        put_word(packet, 8 + 4 * index, segment.flow.destination.0[index]);
        put_word(packet, 24 + 4 * index, segment.flow.source.0[index]);
        index += 1;
    }
    tcp(packet, 40, segment);
}

/// The RST's TCP header at `at`. Its sequence number is the one that the segment's sender expects next.
#[inline(always)]
fn tcp<const N: usize>(packet: &mut [u8; N], at: usize, segment: &Segment) {
    put(packet, at, u16::from_be(segment.flow.destination_port));
    put(packet, at + 2, u16::from_be(segment.flow.source_port));
    put_word(packet, at + 4, segment.acknowledgement.to_be());
    packet[at + 12] = 5 << 4;
    packet[at + 13] = flag::RST;
    let pseudo =
        segment.flow.source.sum() + segment.flow.destination.sum() + u32::from(PROTOCOL_TCP) + TCP as u32;
    let checksum = !fold(u32::from(sum(packet, at, TCP)) + u32::from(fold(pseudo)));
    put(packet, at + 16, checksum);
}

/// The ones' complement sum of an even number of bytes.
#[inline(always)]
const fn sum<const N: usize>(bytes: &[u8; N], at: usize, len: usize) -> u16 {
    let mut sum = 0;
    let mut index = 0;
    while index < len {
        sum += u16::from_be_bytes([bytes[at + index], bytes[at + index + 1]]) as u32;
        index += 2;
    }
    fold(sum)
}

#[inline(always)]
const fn fold(sum: u32) -> u16 {
    let sum = (sum & 0xffff) + (sum >> 16);
    ((sum & 0xffff) + (sum >> 16)) as u16
}

#[inline(always)]
const fn put<const N: usize>(packet: &mut [u8; N], at: usize, value: u16) {
    let [high, low] = value.to_be_bytes();
    packet[at] = high;
    packet[at + 1] = low;
}

/// A word that is in network order already.
#[inline(always)]
const fn put_word<const N: usize>(packet: &mut [u8; N], at: usize, word: u32) {
    let bytes = word.to_ne_bytes();
    let mut index = 0;
    while index < bytes.len() {
        packet[at + index] = bytes[index];
        index += 1;
    }
}
