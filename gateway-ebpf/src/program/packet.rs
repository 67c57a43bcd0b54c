//! Access to the packet's bytes.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::helpers::generated::{
    bpf_xdp_adjust_tail, bpf_xdp_get_buff_len, bpf_xdp_load_bytes, bpf_xdp_store_bytes,
};
use aya_ebpf::programs::XdpContext;
use fleetgate_ebpf::frame::{Bits, Fragment, Frame, Segment, flag};
use fleetgate_ebpf::reply::Reply;
use fleetgate_ebpf::reset;

use super::maps::{self, Answer, Scratch};

/// The packet's linear part, in which its headers are.
pub(super) struct Linear<'a>(pub(super) &'a XdpContext);

impl Linear<'_> {
    /// A pointer to `len` readable and writable bytes at `offset`.
    #[inline(always)]
    fn at(&self, offset: usize, len: usize) -> Option<*mut u8> {
        // The mask changes nothing in a frame; it gives the verifier the bound that it asks for.
        let start = self.0.data() + (offset & 0x3fff);
        if start + len > self.0.data_end() {
            return None;
        }
        Some(start as *mut u8)
    }
}

impl Frame for Linear<'_> {
    #[inline(always)]
    fn read<T: Bits>(&self, offset: usize) -> Option<T> {
        // SAFETY: `at` checked the bounds. Headers lie at odd words, and the compiler is told that they don't: it would
        // read them byte by byte, at four times the cost. The kernel checks alignment itself where the machine minds it.
        self.at(offset, size_of::<T>()).map(|bytes| unsafe { *bytes.cast::<T>() })
    }
}

/// Copies `len` bytes at `offset` of the packet, wherever its fragments lie, to `to`. `MAX` is a power of two
/// and the room at `to`; `len` is in `1..=MAX`. False when the packet ends before.
#[inline(always)]
pub(super) fn copy<const MAX: u32>(ctx: &XdpContext, offset: usize, to: *mut u8, len: usize) -> bool {
    const { assert!(MAX.is_power_of_two()) };
    // The verifier wants to see that the length is neither zero nor beyond the room.
    let len = ((len as u32).wrapping_sub(1) & (MAX - 1)) + 1;
    // SAFETY: there is room for `MAX` bytes at `to`.
    unsafe { bpf_xdp_load_bytes(ctx.as_ptr().cast(), offset as u32, to.cast(), len) == 0 }
}

/// Turns the segment into a RST towards the stack: same sequence number, so it is acceptable (RFC 5961, 3.2),
/// and the TCP checksum follows the changed flags (RFC 1624). False when the header is out of reach.
#[inline(always)]
pub(super) fn rewrite_to_reset(ctx: &XdpContext, segment: &Segment) -> bool {
    let Some(header) = Linear(ctx).at(segment.tcp, 20) else { return false };
    // SAFETY: `at` checked that the 20 bytes of the TCP header are there.
    unsafe {
        let old = u16::from_be_bytes([*header.add(12), *header.add(13)]);
        let new = (old & 0xff00) | u16::from(flag::RST);
        let checksum = u16::from_be_bytes([*header.add(16), *header.add(17)]);
        let [high, low] = reset::update_checksum(checksum, old, new).to_be_bytes();
        *header.add(13) = flag::RST;
        *header.add(16) = high;
        *header.add(17) = low;
    }
    true
}

/// Turns the frame into a RST for whoever sent it, on the way back. False, and nothing changed, where its headers are
/// not as plain as the answer's.
#[inline(always)]
pub(super) fn answer(ctx: &XdpContext, segment: &Segment) -> bool {
    if !matches!(segment.fragment, Fragment::Whole) {
        return false;
    }
    let Some(Scratch { answer, .. }) = maps::scratch() else { return false };
    is_plain(segment) && reply(ctx, segment, &Reply::rst(segment), answer)
}

/// Whether the IP header is the shortest that there is, as a reply's.
#[inline(always)]
pub(super) const fn is_plain(segment: &Segment) -> bool {
    segment.tcp - segment.ip == if segment.flow.source.is_v4() { 20 } else { 40 }
}

/// Turns the frame of a plain segment into the reply to it. False, and nothing changed, where the frame has no room.
#[inline(always)]
pub(super) fn reply<const V4: usize, const V6: usize>(
    ctx: &XdpContext,
    segment: &Segment,
    reply: &Reply,
    answer: &mut Answer<V4, V6>,
) -> bool {
    if segment.flow.source.is_v4() {
        reply.v4(segment, &mut answer.v4);
        send_back(ctx, segment.ip, &answer.v4, &mut answer.macs)
    } else {
        reply.v6(segment, &mut answer.v6);
        send_back(ctx, segment.ip, &answer.v6, &mut answer.macs)
    }
}

#[inline(always)]
fn send_back<const WORDS: usize>(
    ctx: &XdpContext,
    offset: usize,
    packet: &[u32; WORDS],
    [to, from]: &mut [[u8; 6]; 2],
) -> bool {
    let frame = ctx.as_ptr().cast();
    let len = size_of::<[u32; WORDS]>();
    let end = (offset + len) as u64;
    // SAFETY: the context of this run, and buffers of the lengths that are given. Before the tail is where it belongs,
    // nothing is changed. Through helpers: the compiler would merge the two bounds checks, which the verifier
    // does not follow.
    unsafe {
        bpf_xdp_load_bytes(frame, 0, from.as_mut_ptr().cast(), 6) == 0
            && bpf_xdp_load_bytes(frame, 6, to.as_mut_ptr().cast(), 6) == 0
            && bpf_xdp_adjust_tail(
                frame,
                (end.wrapping_sub(bpf_xdp_get_buff_len(frame)) as u32).cast_signed(),
            ) == 0
            && bpf_xdp_store_bytes(frame, 0, to.as_mut_ptr().cast(), 6) == 0
            && bpf_xdp_store_bytes(frame, 6, from.as_mut_ptr().cast(), 6) == 0
            && bpf_xdp_store_bytes(frame, offset as u32, packet.as_ptr().cast_mut().cast(), len as u32) == 0
    }
}
