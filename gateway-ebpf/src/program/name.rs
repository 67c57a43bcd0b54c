//! From a payload to a host. A function of its own to the verifier too, which looks at it once, whatever led there.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::programs::XdpContext;
use fleetgate_ebpf::hello::{Hello, WINDOW};
use fleetgate_ebpf::name::{CAPACITY, Pattern};
use fleetgate_ebpf::siphash::Secret;

use super::maps::{self, Scratch};
use super::packet;

/// The packet ends before its headers say.
pub(super) const UNREADABLE: u64 = 1 << 32;
/// [`Hello::NotTls`]
pub(super) const NOT_TLS: u64 = 2 << 32;
/// [`Hello::Incomplete`]
pub(super) const INCOMPLETE: u64 = 3 << 32;
/// [`Hello::Malformed`]
pub(super) const MALFORMED: u64 = 4 << 32;
/// A whole hello with a name that no host has, or with none.
pub(super) const UNKNOWN: u64 = 5 << 32;

/// The slot of the host that the hello at `offset` of the packet names, or one of the constants above. Where it has a
/// name, `scratch.name_place` says where.
#[inline(never)]
#[unsafe(no_mangle)]
pub(super) extern "C" fn look_up(ctx: *mut xdp_md, offset: u32, len: u32) -> u64 {
    let (Some(scratch), Some(settings)) = (maps::scratch(), maps::settings()) else { return UNREADABLE };
    let ctx = XdpContext::new(ctx);
    let mut len = len as usize;
    if len > WINDOW {
        len = WINDOW;
    }
    scratch.name_place = (0, 0);
    if !packet::copy::<{ WINDOW as u32 }>(&ctx, offset as usize, scratch.window.as_mut_ptr(), len) {
        return UNREADABLE;
    }
    let len = scratch.launder(len);
    match scratch.window.hello(len) {
        Hello::NotTls => NOT_TLS,
        Hello::Incomplete => INCOMPLETE,
        Hello::Malformed => MALFORMED,
        Hello::NoSni => UNKNOWN,
        Hello::Name { offset: name, len } => {
            scratch.name_place = (offset as usize + name, len);
            host(&ctx, settings.secret, scratch).map_or(UNKNOWN, u64::from)
        }
    }
}

/// The slot of the host with the name, exact before wildcard.
#[inline(always)]
fn host(ctx: &XdpContext, secret: Secret, scratch: &mut Scratch) -> Option<u32> {
    const ROOM: u32 = CAPACITY as u32;
    let (offset, len) = scratch.name_place;
    let offset = scratch.launder(offset);
    let len = scratch.launder(len);
    if len >= CAPACITY || !packet::copy::<ROOM>(ctx, offset, scratch.name.as_mut_ptr(), len) {
        return None;
    }
    let len = scratch.name.without_dot(len);
    let len = scratch.launder(len);
    if let Some(slot) = maps::host_slot(scratch.name.key(secret, Pattern::Exact, len)) {
        return Some(slot);
    }
    let len = scratch.launder(len);
    let parent = scratch.name.parent(len)?;
    let parent = scratch.launder(parent);
    let len = scratch.launder(len - parent);
    if len == 0 || !packet::copy::<ROOM>(ctx, offset + parent, scratch.name.as_mut_ptr(), len) {
        return None;
    }
    maps::host_slot(scratch.name.key(secret, Pattern::Wildcard, len))
}
