//! From an Ethernet frame to a TCP segment.

use crate::abi::{Address, FlowKey, V4_MAPPED};
use crate::verdict::Verdict;

/// Bytes of a frame, read with a bounds check: a packet in the kernel, a slice on the host.
pub trait Frame {
    /// The `N` bytes at `offset`, or `None` where the frame is shorter.
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]>;
}

impl Frame for [u8] {
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.get(offset..)?.first_chunk().copied()
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

/// Finds the TCP segment in an Ethernet frame.
///
/// # Errors
/// The verdict on what is not one: other protocols, fragments but for the first, frames that end early.
#[inline(always)]
pub fn parse<F: Frame + ?Sized>(frame: &F) -> Result<Segment, Verdict> {
    let (ether_type, offset) = ethernet(frame)?;
    let packet = match ether_type {
        0x0800 => ipv4(frame, offset)?,
        0x86dd => ipv6(frame, offset)?,
        _ => return Err(Verdict::NotIp),
    };
    segment(frame, &packet)
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
    let header: [u8; IPV4] = frame.read(offset).ok_or(Verdict::Truncated)?;
    let header_len = usize::from(header[0] & 0x0f) * 4;
    if header[0] >> 4 != 4 || header_len < IPV4 {
        return Err(Verdict::Truncated);
    }
    if header[9] != PROTOCOL_TCP {
        return Err(Verdict::NotTcp);
    }
    let fragment = u16::from_be_bytes([header[6], header[7]]);
    if fragment & 0x1fff != 0 {
        return Err(Verdict::Fragment);
    }
    Ok(Packet {
        ip: offset,
        fragmented: fragment & 0x2000 != 0,
        source: mapped([header[12], header[13], header[14], header[15]]),
        destination: mapped([header[16], header[17], header[18], header[19]]),
        tcp: offset + header_len,
        end: offset + usize::from(u16::from_be_bytes([header[2], header[3]])),
    })
}

/// RFC 8200, 3 and 4: the fixed header and a bounded number of extension headers.
#[inline(always)]
fn ipv6<F: Frame + ?Sized>(frame: &F, offset: usize) -> Result<Packet, Verdict> {
    if byte(frame, offset)? >> 4 != 6 {
        return Err(Verdict::Truncated);
    }
    let payload_len = usize::from(be16(frame, offset + 4)?);
    let mut next: u8 = byte(frame, offset + 6)?;
    let mut tcp = offset + IPV6;
    let mut extensions = 0;
    let mut fragmented = false;
    while next != PROTOCOL_TCP {
        match next {
            44 if extensions < MAX_EXTENSIONS => {
                let [following, _, high, low]: [u8; 4] = frame.read(tcp).ok_or(Verdict::Truncated)?;
                let fragment = u16::from_be_bytes([high, low]);
                if fragment & 0xfff8 != 0 {
                    return Err(Verdict::Fragment);
                }
                // A fragment that is the whole packet is no fragment (RFC 6946).
                fragmented |= fragment & 1 != 0;
                next = following;
                tcp += 8;
                extensions += 1;
            }
            // Hop-by-hop, routing, destination options.
            0 | 43 | 60 if extensions < MAX_EXTENSIONS => {
                let [following, len]: [u8; 2] = frame.read(tcp).ok_or(Verdict::Truncated)?;
                next = following;
                tcp += (usize::from(len) + 1) * 8;
                extensions += 1;
            }
            _ => return Err(Verdict::NotTcp),
        }
    }
    Ok(Packet {
        ip: offset,
        fragmented,
        source: frame.read(offset + 8).ok_or(Verdict::Truncated)?,
        destination: frame.read(offset + 24).ok_or(Verdict::Truncated)?,
        tcp,
        end: offset + IPV6 + payload_len,
    })
}

/// RFC 9293, 3.1.
#[inline(always)]
fn segment<F: Frame + ?Sized>(frame: &F, packet: &Packet) -> Result<Segment, Verdict> {
    if packet.fragmented && packet.end < packet.tcp + TCP {
        return cut(frame, packet);
    }
    let header: [u8; TCP] = frame.read(packet.tcp).ok_or(Verdict::Truncated)?;
    let header_len = usize::from(header[12] >> 4) * 4;
    let payload = packet.tcp + header_len;
    if header_len < TCP || payload > packet.end {
        return if packet.fragmented { cut(frame, packet) } else { Err(Verdict::Truncated) };
    }
    Ok(Segment {
        flow: flow(packet, [header[0], header[1], header[2], header[3]]),
        sequence: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
        acknowledgement: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
        flags: header[13],
        fragment: if packet.fragmented { Fragment::First } else { Fragment::Whole },
        ip: packet.ip,
        tcp: packet.tcp,
        payload,
        payload_len: packet.end - payload,
    })
}

/// A first fragment that ends within the TCP header.
#[inline(always)]
fn cut<F: Frame + ?Sized>(frame: &F, packet: &Packet) -> Result<Segment, Verdict> {
    Ok(Segment {
        flow: flow(packet, frame.read(packet.tcp).ok_or(Verdict::Truncated)?),
        sequence: 0,
        acknowledgement: 0,
        flags: 0,
        fragment: Fragment::Header,
        ip: packet.ip,
        tcp: packet.tcp,
        payload: packet.end,
        payload_len: 0,
    })
}

#[inline(always)]
const fn flow(packet: &Packet, ports: [u8; 4]) -> FlowKey {
    FlowKey {
        source: packet.source,
        destination: packet.destination,
        source_port: [ports[0], ports[1]],
        destination_port: [ports[2], ports[3]],
    }
}

#[inline(always)]
fn byte<F: Frame + ?Sized>(frame: &F, offset: usize) -> Result<u8, Verdict> {
    frame.read(offset).map(|[byte]: [u8; 1]| byte).ok_or(Verdict::Truncated)
}

#[inline(always)]
fn be16<F: Frame + ?Sized>(frame: &F, offset: usize) -> Result<u16, Verdict> {
    frame.read(offset).map(u16::from_be_bytes).ok_or(Verdict::Truncated)
}

#[inline(always)]
const fn mapped(v4: [u8; 4]) -> Address {
    let mut address = [0; 16];
    address[10] = V4_MAPPED[10];
    address[11] = V4_MAPPED[11];
    address[12] = v4[0];
    address[13] = v4[1];
    address[14] = v4[2];
    address[15] = v4[3];
    address
}
