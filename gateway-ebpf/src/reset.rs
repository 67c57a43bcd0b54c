//! Resets: the segment that turns into one towards the stack, and the one that a client gets for an answer.

use crate::abi::Address;
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
    let mut index = 0;
    while index < 4 {
        packet[12 + index] = segment.flow.destination[12 + index];
        packet[16 + index] = segment.flow.source[12 + index];
        index += 1;
    }
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
    while index < 16 {
        packet[8 + index] = segment.flow.destination[index];
        packet[24 + index] = segment.flow.source[index];
        index += 1;
    }
    tcp(packet, 40, segment);
}

/// The RST's TCP header at `at`. Its sequence number is the one that the segment's sender expects next.
#[inline(always)]
fn tcp<const N: usize>(packet: &mut [u8; N], at: usize, segment: &Segment) {
    let sequence = segment.acknowledgement.to_be_bytes();
    let mut index = 0;
    while index < 2 {
        packet[at + index] = segment.flow.destination_port[index];
        packet[at + 2 + index] = segment.flow.source_port[index];
        packet[at + 4 + index] = sequence[index];
        packet[at + 6 + index] = sequence[2 + index];
        index += 1;
    }
    packet[at + 12] = 5 << 4;
    packet[at + 13] = flag::RST;
    let pseudo = address_sum(&segment.flow.source)
        + address_sum(&segment.flow.destination)
        + u32::from(PROTOCOL_TCP)
        + TCP as u32;
    let checksum = !fold(u32::from(sum(packet, at, TCP)) + u32::from(fold(pseudo)));
    put(packet, at + 16, checksum);
}

/// The address's share of a pseudo header. The prefix of a mapped IPv4 address counts 0xffff, which is nothing in ones'
/// complement.
#[inline(always)]
const fn address_sum(address: &Address) -> u32 {
    let mut sum = 0;
    let mut index = 0;
    while index < address.len() {
        sum += u16::from_be_bytes([address[index], address[index + 1]]) as u32;
        index += 2;
    }
    sum
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
