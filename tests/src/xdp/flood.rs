//! A flood of SYNs from ever new sources.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, sendto, socket,
};

use super::packet::Packet;
use crate::namespace::Namespace;

/// Where it claims to come from: a network for benchmarks (RFC 2544).
pub const SOURCES: &str = "198.18.0.0/15";
/// A flood ends by itself, whatever becomes of its test.
const MOST: u32 = 2_000_000;
const ETHERNET: usize = 14;

/// It lasts as long as this.
pub struct Flood {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Flood {
    /// Floods `to` from a namespace, with some ten thousand SYNs a second.
    ///
    /// # Panics
    /// When `to` has no IPv4 address.
    pub fn start(namespace: &Namespace, to: SocketAddr) -> Self {
        let SocketAddr::V4(gateway) = to else { panic!("floods are IPv4") };
        let stop = Arc::new(AtomicBool::new(false));
        let (namespace, stopped) = (namespace.clone(), Arc::clone(&stop));
        let flood = move || namespace.run(|| send(gateway, &stopped));
        Self { stop, thread: Some(thread::spawn(flood)) }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Its own panic has been printed.
            let _ = thread.join();
        }
    }
}

fn send(gateway: SocketAddrV4, stop: &AtomicBool) {
    let socket = socket(AddressFamily::Inet, SockType::Raw, SockFlag::empty(), SockProtocol::Raw)
        .expect("a raw socket; am I root?");
    let to = SockaddrIn::from(SocketAddrV4::new(*gateway.ip(), 0));
    for number in 0..MOST {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let source = Ipv4Addr::from_bits(0xc612_0000 | number & 0x1_ffff);
        let port = 1024 + u16::try_from(number >> 17).expect("a small number");
        let frame = Packet::syn(SocketAddrV4::new(source, port).into(), gateway.into()).frame();
        // A full queue loses one of many.
        let _ = sendto(socket.as_raw_fd(), &frame[ETHERNET..], &to, MsgFlags::empty());
        if number % 32 == 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }
}
