//! Packets that go back to a segment's sender: the headers of a RST or of a SYN-ACK, with their checksums.

use crate::frame::{Segment, flag};

/// Words of an IPv4 header without options.
const IPV4: usize = 5;
/// Words of an IPv6 header.
const IPV6: usize = 10;
/// Words of a TCP header without options.
const TCP: usize = 5;
/// Words of a RST over IPv4.
pub const RST_V4: usize = IPV4 + TCP;
/// Words of a RST over IPv6.
pub const RST_V6: usize = IPV6 + TCP;
/// Words of a SYN-ACK over IPv4: its one option is the MSS.
pub const SYN_ACK_V4: usize = RST_V4 + 1;
/// Words of a SYN-ACK over IPv6.
pub const SYN_ACK_V6: usize = RST_V6 + 1;

const PROTOCOL_TCP: u32 = 6;
const HOP_LIMIT: u32 = 64;

/// What is said to the segment's sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its sequence number.
    sequence: u32,
    /// What it acknowledges.
    acknowledgement: u32,
    flags: u8,
    window: u16,
    /// The segments that may come; 0 where the reply has no options.
    mss: u16,
}

impl Reply {
    /// A window that the stack's own is never below, without scaling: the device sends its hello into it, and hears of
    /// the stack's with the next segment.
    const WINDOW: u16 = 14_600;

    /// The RST that `segment`'s sender accepts (RFC 9293, 3.5.3): its sequence number is the one expected next.
    #[inline(always)]
    pub const fn rst(segment: &Segment) -> Self {
        Self { sequence: segment.acknowledgement, acknowledgement: 0, flags: flag::RST, window: 0, mss: 0 }
    }

    /// The SYN-ACK whose sequence number is a cookie. Without timestamps, in which the kernel's own cookies hide what
    /// else a SYN offers, the connection goes without window scaling and selective acknowledgements.
    #[inline(always)]
    pub const fn syn_ack(segment: &Segment, cookie: u32, mss: u16) -> Self {
        Self {
            sequence: cookie,
            acknowledgement: segment.sequence.wrapping_add(1),
            flags: flag::SYN | flag::ACK,
            window: Self::WINDOW,
            mss,
        }
    }

    /// The IPv4 packet, in network order: as many words as [`RST_V4`] or [`SYN_ACK_V4`] say.
    #[inline(always)]
    pub fn v4<const WORDS: usize>(&self, segment: &Segment, packet: &mut [u32; WORDS]) {
        packet[0] = 0x4500_0000 | bytes(WORDS);
        // Don't fragment: without it the identification must be unique.
        packet[1] = 0x4000;
        packet[2] = HOP_LIMIT << 24 | PROTOCOL_TCP << 16;
        packet[3] = u32::from_be(segment.flow.destination.0[3]);
        packet[4] = u32::from_be(segment.flow.source.0[3]);
        packet[2] |= u32::from(!fold(sum(packet, 0, IPV4)));
        self.tcp(segment, packet, IPV4);
        to_network(packet);
    }

    /// The IPv6 packet, likewise.
    #[inline(always)]
    pub fn v6<const WORDS: usize>(&self, segment: &Segment, packet: &mut [u32; WORDS]) {
        packet[0] = 6 << 28;
        packet[1] = bytes(WORDS - IPV6) << 16 | PROTOCOL_TCP << 8 | HOP_LIMIT;
        let mut index = 0;
        while index < 4 {
            packet[2 + index] = u32::from_be(segment.flow.destination.0[index]);
            packet[6 + index] = u32::from_be(segment.flow.source.0[index]);
            index += 1;
        }
        self.tcp(segment, packet, IPV6);
        to_network(packet);
    }

    /// The TCP header at `at`.
    #[inline(always)]
    fn tcp<const WORDS: usize>(&self, segment: &Segment, packet: &mut [u32; WORDS], at: usize) {
        let flow = &segment.flow;
        let (from, to) = (u16::from_be(flow.destination_port), u16::from_be(flow.source_port));
        let words = WORDS - at;
        packet[at] = u32::from(from) << 16 | u32::from(to);
        packet[at + 1] = self.sequence;
        packet[at + 2] = self.acknowledgement;
        packet[at + 3] = (words as u32) << 28 | u32::from(self.flags) << 16 | u32::from(self.window);
        packet[at + 4] = 0;
        if words > TCP {
            packet[at + TCP] = 0x0204_0000 | u32::from(self.mss);
        }
        let pseudo = flow.source.sum() + flow.destination.sum() + PROTOCOL_TCP + bytes(words);
        packet[at + 4] = u32::from(!fold(sum(packet, at, words) + pseudo)) << 16;
    }
}

/// The sum of the 16-bit halves of `words` words at `at`: a few dozen of them do not overflow.
#[inline(always)]
const fn sum<const WORDS: usize>(packet: &[u32; WORDS], at: usize, words: usize) -> u32 {
    let mut sum = 0;
    let mut index = 0;
    while index < words {
        sum += (packet[at + index] >> 16) + (packet[at + index] & 0xffff);
        index += 1;
    }
    sum
}

/// A ones' complement sum in 16 bits.
#[inline(always)]
pub(crate) const fn fold(sum: u32) -> u16 {
    let sum = (sum & 0xffff) + (sum >> 16);
    ((sum & 0xffff) + (sum >> 16)) as u16
}

#[inline(always)]
const fn bytes(words: usize) -> u32 {
    4 * words as u32
}

#[inline(always)]
const fn to_network<const WORDS: usize>(packet: &mut [u32; WORDS]) {
    let mut index = 0;
    while index < WORDS {
        packet[index] = packet[index].to_be();
        index += 1;
    }
}

#[cfg(test)]
mod tests {
    use core::net::IpAddr;

    use super::*;
    use crate::abi::FlowKey;
    use crate::frame::Fragment;

    fn syn(source: &str, destination: &str) -> Segment {
        let address = |text: &str| text.parse::<IpAddr>().unwrap().into();
        Segment {
            flow: FlowKey {
                source: address(source),
                destination: address(destination),
                source_port: 40_000_u16.to_be(),
                destination_port: 8443_u16.to_be(),
            },
            sequence: u32::MAX,
            acknowledgement: 0x0102_0304,
            flags: flag::SYN,
            fragment: Fragment::Whole,
            ip: 14,
            tcp: 34,
            payload: 54,
            payload_len: 0,
            cpu: crate::abi::NO_CPU,
        }
    }

    fn host<const WORDS: usize>(packet: [u32; WORDS]) -> [u32; WORDS] {
        packet.map(u32::from_be)
    }

    /// What a receiver computes over a right packet.
    fn verified<const WORDS: usize>(packet: &[u32; WORDS], at: usize, segment: &Segment) -> u16 {
        let words = WORDS - at;
        let pseudo = segment.flow.source.sum() + segment.flow.destination.sum() + PROTOCOL_TCP + bytes(words);
        !fold(sum(packet, at, words) + pseudo)
    }

    #[test]
    fn a_syn_ack_over_ipv4_has_cookie_mss_and_checksums() {
        let segment = syn("192.0.2.7", "198.51.100.1");
        let mut packet = [7; SYN_ACK_V4];
        Reply::syn_ack(&segment, 0xdead_beef, 1460).v4(&segment, &mut packet);
        let packet = host(packet);
        assert_eq!(packet[..2], [0x4500_002c, 0x4000]);
        assert_eq!(packet[3..5], [0xc633_6401, 0xc000_0207]);
        // From our port to theirs, the cookie, what follows u32::MAX, 24 bytes with SYN and ACK.
        assert_eq!(packet[5..8], [0x20fb_9c40, 0xdead_beef, 0]);
        assert_eq!(packet[8], 0x6012_3908);
        assert_eq!(packet[10], 0x0204_05b4);
        assert_eq!(!fold(sum(&packet, 0, IPV4)), 0);
        assert_eq!(verified(&packet, IPV4, &segment), 0);
    }

    #[test]
    fn a_syn_ack_over_ipv6_likewise() {
        let segment = syn("2001:db8:1:2::7", "2001:db8::1");
        let mut packet = [7; SYN_ACK_V6];
        Reply::syn_ack(&segment, 1, 1440).v6(&segment, &mut packet);
        let packet = host(packet);
        assert_eq!(packet[..3], [0x6000_0000, 24 << 16 | 6 << 8 | 64, 0x2001_0db8]);
        assert_eq!((packet[5], packet[9]), (1, 7));
        assert_eq!(packet[15], 0x0204_05a0);
        assert_eq!(verified(&packet, IPV6, &segment), 0);
    }

    #[test]
    fn a_rst_takes_the_sequence_number_that_is_expected() {
        let segment = syn("192.0.2.7", "198.51.100.1");
        let mut packet = [7; RST_V4];
        Reply::rst(&segment).v4(&segment, &mut packet);
        let packet = host(packet);
        assert_eq!(packet[0], 0x4500_0028);
        assert_eq!(packet[6..9], [0x0102_0304, 0, 0x5004_0000]);
        assert_eq!(verified(&packet, IPV4, &segment), 0);
    }
}
