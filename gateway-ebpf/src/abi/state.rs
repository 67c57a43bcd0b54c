//! What the tables hold.

use super::Address;

/// How far a flow has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Stage {
    /// Its SYN passed.
    New = 0,
    /// Its first data segment was judged and passed.
    Judged = 1,
    /// Its hello was refused, and the server's socket is gone: the hello is answered with a RST when it comes again, and the rest is
    /// dropped.
    Ended = 2,
    /// The same, and the client's next packet is answered with a RST, whatever it is.
    Unanswered = 3,
}

/// What is remembered of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct FlowState {
    /// The sequence number of the first payload byte: the SYN's plus one.
    pub first_byte: u32,
    /// A [`Stage`].
    pub stage: u32,
    /// The slot of the host that its hello named, or [`FlowState::NO_HOST`].
    pub slot: u32,
    /// The CPU that it is steered to, or [`NO_CPU`](super::NO_CPU).
    pub cpu: u32,
}

impl FlowState {
    /// The slot of a flow whose host is not known.
    pub const NO_HOST: u32 = u32::MAX;

    /// A flow whose SYN had this sequence number and was steered to this CPU.
    pub const fn new(sequence: u32, cpu: u32) -> Self {
        Self { first_byte: sequence.wrapping_add(1), stage: Stage::New as u32, slot: Self::NO_HOST, cpu }
    }
}

/// The limits of one source: a theoretical arrival time each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Source {
    /// Of `syn_per_source`.
    pub syn: u64,
    /// Of `hello_per_source`.
    pub hello: u64,
    /// Of `incomplete_per_source`.
    pub incomplete: u64,
    /// Of `not_tls_per_source`.
    pub not_tls: u64,
    /// Distinct verified devices that were seen there: its rates count that many times. 0 counts as 1.
    pub devices: u64,
}

/// A ban.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Ban {
    /// When it ends, in nanoseconds of the monotonic clock.
    pub until: u64,
    /// When it began, likewise.
    pub since: u64,
    /// Packets that it has met. CPUs may lose each other's.
    pub packets: u64,
    /// Why: userspace's own number.
    pub cause: u32,
    /// 0.
    pub reserved: u32,
}

/// What came for a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct HostAccount {
    /// Hellos that named it and passed.
    pub hellos: u64,
    /// Packets of its flows, from the hello on.
    pub packets: u64,
    /// Bytes of those packets, from Ethernet header to payload.
    pub bytes: u64,
    /// Hellos beyond `hello_per_host`.
    pub limited: u64,
    /// Hellos of sources that are banned from it.
    pub banned: u64,
}

/// Bytes of a name that an event carries.
pub const EVENT_NAME: usize = 64;

/// Something rare, for the log.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Event {
    /// Who sent the packet.
    pub source: Address,
    /// Its verdict.
    pub verdict: u32,
    /// The source's port, in network order.
    pub source_port: u16,
    /// Bytes of the server name, as sent; those beyond [`EVENT_NAME`] are not here.
    pub name_len: u16,
    /// The start of the name.
    pub name: [u8; EVENT_NAME],
}
