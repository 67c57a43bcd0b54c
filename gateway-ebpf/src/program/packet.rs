//! Access to the packet's bytes.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::helpers::bpf_xdp_load_bytes;
use aya_ebpf::programs::XdpContext;
use fleetgate_ebpf::frame::{Frame, Segment, flag};

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
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        // SAFETY: `at` checked the bounds; a byte array has no alignment.
        self.at(offset, N).map(|bytes| unsafe { bytes.cast::<[u8; N]>().read() })
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
        let [high, low] = fleetgate_ebpf::frame::update_checksum(checksum, old, new).to_be_bytes();
        *header.add(13) = flag::RST;
        *header.add(16) = high;
        *header.add(17) = low;
    }
    true
}
