//! From an Ethernet frame to a TCP segment.

use crate::abi::{Address, FlowKey, NO_CPU};
use crate::verdict::Verdict;

/// Bytes of a frame, read with a bounds check: a packet in the kernel, a slice on the host.
pub trait Frame {
    /// What lies at `offset`, or `None` where the frame is shorter.
    fn read<T: Bits>(&self, offset: usize) -> Option<T>;
}

/// Integers and arrays of them, as they lie in a frame: in network order.
pub trait Bits: Copy {
    /// What the first of these bytes are.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

impl Bits for u8 {
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.first().copied()
    }
}

impl Bits for u16 {
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().copied().map(Self::from_ne_bytes)
    }
}

impl<const N: usize> Bits for [u32; N] {
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut words = [0; N];
        for (index, word) in words.iter_mut().enumerate() {
            *word = u32::from_ne_bytes(*bytes.get(4 * index..)?.first_chunk()?);
        }
        Some(words)
    }
}

impl Frame for [u8] {
    fn read<T: Bits>(&self, offset: usize) -> Option<T> {
        T::from_bytes(self.get(offset..)?)
    }
}

/// A TCP segment and where it lies in its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Who talks to whom.
    pub flow: FlowKey,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgement: u32,
    /// The TCP flags, as in [`flag`].
    pub flags: u8,
    /// What of it was fragmented away.
    pub fragment: Fragment,
    /// Where the IP header begins in the frame.
    pub ip: usize,
    /// Where the TCP header begins in the frame.
    pub tcp: usize,
    /// Where the payload begins in the frame.
    pub payload: usize,
    /// Bytes of payload, by the IP header's count: Ethernet padding is not payload.
    pub payload_len: usize,
    /// The CPU that it is steered to, once that is known; else [`NO_CPU`].
    pub cpu: u32,
}

impl Segment {
    /// Whether the frame has no VLAN tag.
    #[inline(always)]
    pub const fn is_untagged(&self) -> bool {
        self.ip == ETHERNET
    }
}

/// Whether a segment is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fragment {
    /// It is.
    Whole,
    /// The first fragment of one, with its whole TCP header.
    First,
    /// The first fragment of one, which ends within the TCP header. Only the ports of it are known.
    Header,
}

/// TCP flags (RFC 9293, 3.1).
pub mod flag {
    /// Synchronise: the first packet of a connection.
    pub const SYN: u8 = 0x02;
    /// Reset.
    pub const RST: u8 = 0x04;
    /// Acknowledgement.
    pub const ACK: u8 = 0x10;
}

const ETHERNET: usize = 14;
const VLAN: usize = 4;
const MAX_VLANS: usize = 2;
const IPV4: usize = 20;
const IPV6: usize = 40;
const MAX_EXTENSIONS: usize = 4;
const TCP: usize = 20;
const PROTOCOL_TCP: u8 = 6;

struct Packet {
    source: Address,
    destination: Address,
    /// Where the IP header begins in the frame.
    ip: usize,
    /// Where the TCP header begins in the frame.
    tcp: usize,
    /// Where the packet ends in the frame.
    end: usize,
    /// Whether more fragments follow.
    fragmented: bool,
}

/// Finds the TCP segment in an Ethernet frame. `is_protected` is asked about its destination before the rest is read:
/// what is not ours is to cost next to nothing.
///
/// # Errors
/// The verdict on what is not one: other protocols, fragments but for the first, other destinations, frames that end
/// early.
#[inline(always)]
pub fn parse<F: Frame + ?Sized>(
    frame: &F,
    is_protected: impl FnOnce(&Address, u16) -> bool,
) -> Result<Segment, Verdict> {
    let (ether_type, offset) = ethernet(frame)?;
    let packet = match ether_type {
        0x0800 => ipv4(frame, offset)?,
        0x86dd => ipv6(frame, offset)?,
        _ => return Err(Verdict::NotIp),
    };
    let [ports]: [u32; 1] = frame.read(packet.tcp).ok_or(Verdict::Truncated)?;
    let flow = flow(&packet, ports);
    if !is_protected(&flow.destination, flow.destination_port) {
        return Err(Verdict::NotProtected);
    }
    segment(frame, &packet, flow)
}

/// The EtherType behind up to two VLAN tags (802.1Q, 802.1ad), and where its payload begins.
#[inline(always)]
fn ethernet<F: Frame + ?Sized>(frame: &F) -> Result<(u16, usize), Verdict> {
    let mut offset = ETHERNET;
    let mut ether_type = be16(frame, offset - 2)?;
    let mut tags = 0;
    while tags < MAX_VLANS && (ether_type == 0x8100 || ether_type == 0x88a8) {
        offset += VLAN;
        ether_type = be16(frame, offset - 2)?;
        tags += 1;
    }
    Ok((ether_type, offset))
}

/// RFC 791, 3.1.
#[inline(always)]
fn ipv4<F: Frame + ?Sized>(frame: &F, offset: usize) -> Result<Packet, Verdict> {
    let header: [u32; IPV4 / 4] = frame.read(offset).ok_or(Verdict::Truncated)?;
    let first = u32::from_be(header[0]);
    let header_len = (first >> 24 & 0x0f) as usize * 4;
    if first >> 28 != 4 || header_len < IPV4 {
        return Err(Verdict::Truncated);
    }
    if u32::from_be(header[2]) >> 16 & 0xff != u32::from(PROTOCOL_TCP) {
        return Err(Verdict::NotTcp);
    }
    let fragment = u32::from_be(header[1]);
    if fragment & 0x1fff != 0 {
        return Err(Verdict::Fragment);
    }
    Ok(Packet {
        ip: offset,
        fragmented: fragment & 0x2000 != 0,
        source: Address::from_v4(header[3]),
        destination: Address::from_v4(header[4]),
        tcp: offset + header_len,
        end: offset + (first & 0xffff) as usize,
    })
}

/// RFC 8200, 3 and 4: the fixed header and a bounded number of extension headers.
#[inline(always)]
fn ipv6<F: Frame + ?Sized>(frame: &F, offset: usize) -> Result<Packet, Verdict> {
    let header: [u32; IPV6 / 4] = frame.read(offset).ok_or(Verdict::Truncated)?;
    if u32::from_be(header[0]) >> 28 != 6 {
        return Err(Verdict::Truncated);
    }
    let second = u32::from_be(header[1]);
    let payload_len = (second >> 16) as usize;
    let mut next = (second >> 8) as u8;
    let mut tcp = offset + IPV6;
    let mut extensions = 0;
    let mut fragmented = false;
    while next != PROTOCOL_TCP {
        match next {
            44 if extensions < MAX_EXTENSIONS => {
                let [word]: [u32; 1] = frame.read(tcp).ok_or(Verdict::Truncated)?;
                let fragment = u32::from_be(word);
                if fragment & 0xfff8 != 0 {
                    return Err(Verdict::Fragment);
                }
                // A fragment that is the whole packet is no fragment (RFC 6946).
                fragmented |= fragment & 1 != 0;
                next = (fragment >> 24) as u8;
                tcp += 8;
                extensions += 1;
            }
            // Hop-by-hop, routing, destination options.
            0 | 43 | 60 if extensions < MAX_EXTENSIONS => {
                let following = be16(frame, tcp)?;
                next = (following >> 8) as u8;
                tcp += (usize::from(following & 0xff) + 1) * 8;
                extensions += 1;
            }
            _ => return Err(Verdict::NotTcp),
        }
    }
    Ok(Packet {
        ip: offset,
        fragmented,
        source: Address([header[2], header[3], header[4], header[5]]),
        destination: Address([header[6], header[7], header[8], header[9]]),
        tcp,
        end: offset + IPV6 + payload_len,
    })
}

/// RFC 9293, 3.1.
#[inline(always)]
fn segment<F: Frame + ?Sized>(frame: &F, packet: &Packet, flow: FlowKey) -> Result<Segment, Verdict> {
    if packet.fragmented && packet.end < packet.tcp + TCP {
        return Ok(cut(packet, flow));
    }
    let header: [u32; TCP / 4] = frame.read(packet.tcp).ok_or(Verdict::Truncated)?;
    let fourth = u32::from_be(header[3]);
    let header_len = (fourth >> 28) as usize * 4;
    let payload = packet.tcp + header_len;
    if header_len < TCP || payload > packet.end {
        return if packet.fragmented { Ok(cut(packet, flow)) } else { Err(Verdict::Truncated) };
    }
    Ok(Segment {
        flow,
        sequence: u32::from_be(header[1]),
        acknowledgement: u32::from_be(header[2]),
        flags: (fourth >> 16) as u8,
        fragment: if packet.fragmented { Fragment::First } else { Fragment::Whole },
        ip: packet.ip,
        tcp: packet.tcp,
        payload,
        payload_len: packet.end - payload,
        cpu: NO_CPU,
    })
}

/// A first fragment that ends within the TCP header.
#[inline(always)]
const fn cut(packet: &Packet, flow: FlowKey) -> Segment {
    Segment {
        flow,
        sequence: 0,
        acknowledgement: 0,
        flags: 0,
        fragment: Fragment::Header,
        ip: packet.ip,
        tcp: packet.tcp,
        payload: packet.end,
        payload_len: 0,
        cpu: NO_CPU,
    }
}

#[inline(always)]
const fn flow(packet: &Packet, ports: u32) -> FlowKey {
    let ports = u32::from_be(ports);
    FlowKey {
        source: packet.source,
        destination: packet.destination,
        source_port: ((ports >> 16) as u16).to_be(),
        destination_port: (ports as u16).to_be(),
    }
}

#[inline(always)]
fn be16<F: Frame + ?Sized>(frame: &F, offset: usize) -> Result<u16, Verdict> {
    frame.read(offset).map(u16::from_be).ok_or(Verdict::Truncated)
}
