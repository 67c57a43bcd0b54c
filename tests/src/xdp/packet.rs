//! Frames as values, built layer by layer.

use std::net::{IpAddr, SocketAddr};

/// TCP flags.
pub mod flag {
    /// No more data.
    pub const FIN: u8 = 0x01;
    /// First packet of a connection.
    pub const SYN: u8 = 0x02;
    /// Reset.
    pub const RST: u8 = 0x04;
    /// Push, as data usually comes.
    pub const PSH: u8 = 0x08;
    /// Acknowledgement.
    pub const ACK: u8 = 0x10;
}

/// A TCP segment and how it is wrapped.
#[derive(Clone, Debug)]
pub struct Packet {
    source: SocketAddr,
    destination: SocketAddr,
    flags: u8,
    sequence: u32,
    acknowledgement: u32,
    window: u16,
    identification: u16,
    macs: [u8; 12],
    payload: Vec<u8>,
    vlans: Vec<(u16, u16)>,
    ip_options: Vec<u8>,
    tcp_options: Vec<u8>,
    extensions: Vec<(u8, Vec<u8>)>,
    fragment: u16,
    protocol: u8,
    padding: usize,
    ether_type: Option<u16>,
    ip_version: Option<u8>,
    cut: usize,
}

impl Packet {
    /// A SYN with sequence number 1000.
    pub fn syn(source: SocketAddr, destination: SocketAddr) -> Self {
        Self {
            source,
            destination,
            flags: flag::SYN,
            sequence: 1000,
            acknowledgement: 0x0102_0304,
            window: 0xffff,
            identification: 7,
            macs: [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2],
            payload: vec![],
            vlans: vec![],
            ip_options: vec![],
            tcp_options: vec![],
            extensions: vec![],
            fragment: 0,
            protocol: 6,
            padding: 0,
            ether_type: None,
            ip_version: None,
            cut: 0,
        }
    }

    /// The first data segment after [`Packet::syn`].
    pub fn data(source: SocketAddr, destination: SocketAddr, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            flags: flag::PSH | flag::ACK,
            sequence: 1001,
            payload: payload.into(),
            ..Self::syn(source, destination)
        }
    }

    /// Other flags.
    #[must_use]
    pub fn flags(self, flags: u8) -> Self {
        Self { flags, ..self }
    }

    /// Another sequence number.
    #[must_use]
    pub fn sequence(self, sequence: u32) -> Self {
        Self { sequence, ..self }
    }

    /// Another acknowledgement number.
    #[must_use]
    pub fn acknowledges(self, acknowledgement: u32) -> Self {
        Self { acknowledgement, ..self }
    }

    /// Payload, whatever the flags.
    #[must_use]
    pub fn payload(self, payload: impl Into<Vec<u8>>) -> Self {
        Self { payload: payload.into(), ..self }
    }

    /// One more VLAN tag inside the others: its `EtherType` and its id.
    #[must_use]
    pub fn vlan(mut self, ether_type: u16, id: u16) -> Self {
        self.vlans.push((ether_type, id));
        self
    }

    /// IPv4 options: a multiple of four bytes, at most 40.
    #[must_use]
    pub fn ip_options(self, options: &[u8]) -> Self {
        Self { ip_options: options.into(), ..self }
    }

    /// TCP options: a multiple of four bytes, at most 40.
    #[must_use]
    pub fn tcp_options(self, options: &[u8]) -> Self {
        Self { tcp_options: options.into(), ..self }
    }

    /// One more IPv6 extension header: its number and what follows its two length bytes; 8n - 2 bytes.
    #[must_use]
    pub fn extension(mut self, number: u8, content: &[u8]) -> Self {
        self.extensions.push((number, content.into()));
        self
    }

    /// IPv4 flags and fragment offset.
    #[must_use]
    pub fn fragment(self, fragment: u16) -> Self {
        Self { fragment, ..self }
    }

    /// Another protocol than TCP.
    #[must_use]
    pub fn protocol(self, protocol: u8) -> Self {
        Self { protocol, ..self }
    }

    /// Bytes behind the IP packet, as Ethernet pads short frames.
    #[must_use]
    pub fn padding(self, padding: usize) -> Self {
        Self { padding, ..self }
    }

    /// Another `EtherType` behind the VLAN tags than the packet's.
    #[must_use]
    pub fn ether_type(self, ether_type: u16) -> Self {
        Self { ether_type: Some(ether_type), ..self }
    }

    /// Another first byte of the IPv4 header: version, and length in words.
    #[must_use]
    pub fn ip_version(self, ip_version: u8) -> Self {
        Self { ip_version: Some(ip_version), ..self }
    }

    /// So many bytes fewer of TCP, as a first fragment has them.
    #[must_use]
    pub fn cut(self, cut: usize) -> Self {
        Self { cut, ..self }
    }

    /// The RST that answers it.
    #[must_use]
    pub fn answer(&self) -> Self {
        let [destination, source] = [&self.macs[..6], &self.macs[6..]];
        Self {
            macs: [source, destination].concat().try_into().expect("two addresses"),
            sequence: self.acknowledgement,
            acknowledgement: 0,
            window: 0,
            identification: 0,
            fragment: 0x4000,
            vlans: self.vlans.clone(),
            ..Self::syn(self.destination, self.source).flags(flag::RST)
        }
    }

    /// The SYN-ACK that answers it with a cookie: of all options there is the MSS alone, which is that of the SYN, if it
    /// is one that the kernel's cookies can say.
    #[must_use]
    pub fn syn_ack(&self, cookie: u32) -> Self {
        let mss = match (&self.tcp_options[..], self.source.is_ipv4()) {
            ([2, 4, 0x05, 0xb4, ..], true) => 1460_u16,
            ([2, 4, 0x05, 0xb4, ..], false) => 1440,
            (_, true) => 536,
            (_, false) => 1220,
        };
        let [high, low] = mss.to_be_bytes();
        Self {
            sequence: cookie,
            acknowledgement: self.sequence.wrapping_add(1),
            window: 14_600,
            tcp_options: vec![2, 4, high, low],
            ..self.answer().flags(flag::SYN | flag::ACK)
        }
    }

    /// Where the TCP header begins in the frame.
    pub fn tcp_offset(&self) -> usize {
        let extensions: usize = self.extensions.iter().map(|(_, content)| 2 + content.len()).sum();
        let ip = if self.source.is_ipv4() { 20 + self.ip_options.len() } else { 40 + extensions };
        14 + 4 * self.vlans.len() + ip
    }

    /// The frame on the wire, with valid checksums.
    pub fn frame(&self) -> Vec<u8> {
        let mut frame = self.macs.to_vec();
        for (ether_type, id) in &self.vlans {
            frame.extend(ether_type.to_be_bytes());
            frame.extend(id.to_be_bytes());
        }
        let mut tcp = self.tcp();
        tcp.truncate(tcp.len() - self.cut);
        match (self.source.ip(), self.destination.ip()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                frame.extend(self.ether_type.unwrap_or(0x0800).to_be_bytes());
                frame.extend(self.ipv4(source.octets(), destination.octets(), tcp.len()));
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                frame.extend(self.ether_type.unwrap_or(0x86dd).to_be_bytes());
                frame.extend(self.ipv6(source.octets(), destination.octets(), tcp.len()));
            }
            _ => panic!("one packet has one IP version"),
        }
        frame.extend(tcp);
        frame.resize(frame.len() + self.padding, 0);
        frame
    }

    fn ipv4(&self, source: [u8; 4], destination: [u8; 4], tcp_len: usize) -> Vec<u8> {
        let header_len = 20 + self.ip_options.len();
        let total = u16::try_from(header_len + tcp_len).expect("a packet fits 64 KiB");
        let version = 0x40 | u8::try_from(header_len / 4).expect("60 bytes at most");
        let mut header = vec![self.ip_version.unwrap_or(version), 0];
        header.extend(total.to_be_bytes());
        header.extend(self.identification.to_be_bytes());
        header.extend(self.fragment.to_be_bytes());
        header.extend([64, self.protocol, 0, 0]);
        header.extend(source);
        header.extend(destination);
        header.extend(&self.ip_options);
        let checksum = checksum(&header).to_be_bytes();
        header[10..12].copy_from_slice(&checksum);
        header
    }

    fn ipv6(&self, source: [u8; 16], destination: [u8; 16], tcp_len: usize) -> Vec<u8> {
        let next = |index: usize| self.extensions.get(index).map_or(self.protocol, |(number, _)| *number);
        let mut extensions = vec![];
        for (index, (_, content)) in self.extensions.iter().enumerate() {
            assert_eq!(content.len() % 8, 6, "an extension header is a multiple of eight bytes");
            extensions.extend([next(index + 1), u8::try_from(content.len() / 8).expect("255 at most")]);
            extensions.extend(content);
        }
        let payload = u16::try_from(extensions.len() + tcp_len).expect("a packet fits 64 KiB");
        let mut header = vec![0x60, 0, 0, 0];
        header.extend(payload.to_be_bytes());
        header.extend([next(0), 64]);
        header.extend(source);
        header.extend(destination);
        header.extend(extensions);
        header
    }

    fn tcp(&self) -> Vec<u8> {
        let header_len = 20 + self.tcp_options.len();
        let mut tcp = vec![];
        tcp.extend(self.source.port().to_be_bytes());
        tcp.extend(self.destination.port().to_be_bytes());
        tcp.extend(self.sequence.to_be_bytes());
        tcp.extend(self.acknowledgement.to_be_bytes());
        tcp.extend([u8::try_from(header_len / 4).expect("60 bytes at most") << 4, self.flags]);
        tcp.extend(self.window.to_be_bytes());
        tcp.extend([0, 0, 0, 0]);
        tcp.extend(&self.tcp_options);
        tcp.extend(&self.payload);
        let sum = self.tcp_checksum(&tcp).to_be_bytes();
        tcp[16..18].copy_from_slice(&sum);
        tcp
    }

    /// The TCP checksum of a segment of this packet's addresses; over a segment with its checksum it gives 0.
    pub fn tcp_checksum(&self, segment: &[u8]) -> u16 {
        let mut covered = vec![];
        match (self.source.ip(), self.destination.ip()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                covered.extend(source.octets());
                covered.extend(destination.octets());
            }
            (source, destination) => {
                let octets = |ip| match ip {
                    IpAddr::V6(ip) => ip.octets(),
                    IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                };
                covered.extend(octets(source));
                covered.extend(octets(destination));
            }
        }
        covered.extend([0, 6]);
        covered.extend(u16::try_from(segment.len()).expect("a segment fits 64 KiB").to_be_bytes());
        covered.extend(segment);
        checksum(&covered)
    }
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = 0u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).expect("folded to 16 bits")
}
