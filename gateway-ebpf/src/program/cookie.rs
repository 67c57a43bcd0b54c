//! SYN cookies: given to sources that were never seen, beyond the flood brake. They are the kernel's own, so that the stack
//! takes them for its. Both ends are functions of their own to the verifier too, as [`name::look_up`](super::name) is.

use aya_ebpf::bindings::{bpf_sock_tuple, xdp_md};
use aya_ebpf::helpers::generated::{
    bpf_check_mtu, bpf_sk_release, bpf_skc_lookup_tcp, bpf_tcp_raw_check_syncookie_ipv4,
    bpf_tcp_raw_check_syncookie_ipv6, bpf_tcp_raw_gen_syncookie_ipv4, bpf_tcp_raw_gen_syncookie_ipv6,
};
use aya_ebpf::programs::XdpContext;
use fleetgate_ebpf::abi::FlowKey;
use fleetgate_ebpf::frame::Segment;
use fleetgate_ebpf::reply::Reply;

use super::maps::{self, Cookie, Scratch};
use super::packet;

/// [`abi::MAKES_COOKIES`](fleetgate_ebpf::abi::MAKES_COOKIES), which userspace may set before it loads the program.
#[unsafe(no_mangle)]
static MAKES_COOKIES: u8 = 1;

/// The ACK brings a valid cookie back.
pub(super) const VALID: u32 = 0;
/// It does not, and there is no connection that it could belong to.
pub(super) const INVALID: u32 = 1;
/// It is none of ours: a connection has it, or it could not be looked at.
pub(super) const ELSEWHERE: u32 = 2;

/// While cookies are given, one SYN a second and port goes on to the stack: it takes a cookie back only where it gave
/// one of its own within two minutes.
const PAUSE_NS: u64 = 1_000_000_000;
/// How long the kernel takes a cookie back for.
const VALID_NS: u64 = 120_000_000_000;

/// TCP options' most room, with the header.
const TCP: u32 = 64;
const TCP_LISTEN: u32 = 10;
/// The namespace of the interface.
const CURRENT_NETNS: u64 = u64::MAX;

/// Known to the verifier, which does not look at what is behind it then.
#[inline(always)]
fn makes_cookies() -> bool {
    // SAFETY: a byte that does not change while the program is loaded; the compiler would take it for a constant.
    unsafe { (&raw const MAKES_COOKIES).read_volatile() != 0 }
}

/// Whether the SYN is to be answered with a cookie; else it is the one that the stack is to see.
#[inline(always)]
pub(super) fn is_due(segment: &Segment, now: u64) -> bool {
    let Some(passed) = maps::cookies(segment.flow.destination_port) else { return false };
    // SAFETY: a live map value; two CPUs at once let two SYNs pass.
    unsafe {
        if passed.read_volatile() + PAUSE_NS > now {
            return true;
        }
        passed.write_volatile(now);
    }
    false
}

/// Whether cookies that were given for the port can still come back.
#[inline(always)]
pub(super) fn are_out(port: u16, now: u64) -> bool {
    // SAFETY: a live map value.
    maps::cookies(port).is_some_and(|passed| unsafe { passed.read_volatile() } + VALID_NS > now)
}

/// Turns the SYN of a plain segment into the SYN-ACK with a cookie. False, and nothing changed, where that cannot be.
#[inline(always)]
pub(super) fn give(ctx: &XdpContext, segment: &Segment) -> bool {
    put(segment) && give_cookie(ctx.ctx) == 0
}

/// What of the constants above an ACK of no known flow is.
#[inline(always)]
pub(super) fn check(ctx: &XdpContext, segment: &Segment) -> u32 {
    if put(segment) { check_cookie(ctx.ctx) } else { ELSEWHERE }
}

#[inline(always)]
fn put(segment: &Segment) -> bool {
    let Some(Scratch { cookie, .. }) = maps::scratch() else { return false };
    cookie.segment = Some(*segment);
    true
}

#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn give_cookie(ctx: *mut xdp_md) -> u32 {
    if !makes_cookies() {
        return 1;
    }
    let Some(scratch) = maps::scratch() else { return 1 };
    let ctx = XdpContext::new(ctx);
    let Some(segment) = scratch.cookie.segment else { return 1 };
    let tcp_len = segment.payload - segment.tcp;
    if !headers(&ctx, &segment, &mut scratch.cookie, tcp_len) {
        return 1;
    }
    let tcp_len = ((scratch.launder(tcp_len) as u32).wrapping_sub(1) & (TCP - 1)) + 1;
    let Cookie { ip, tcp, answer, .. } = &mut scratch.cookie;
    let (ip, tcp) = (ip.as_mut_ptr(), tcp.as_mut_ptr());
    // SAFETY: copies of both headers, in buffers with room for their longest.
    let made = unsafe {
        if segment.flow.source.is_v4() {
            bpf_tcp_raw_gen_syncookie_ipv4(ip.cast(), tcp.cast(), tcp_len)
        } else {
            bpf_tcp_raw_gen_syncookie_ipv6(ip.cast(), tcp.cast(), tcp_len)
        }
    };
    // The cookie, and above it the MSS that it says.
    let Ok(made) = u64::try_from(made) else { return 1 };
    let reply = Reply::syn_ack(&segment, made as u32, mss(&ctx, &segment, (made >> 32) as u32 & 0xffff));
    u32::from(!packet::reply(&ctx, &segment, &reply, answer))
}

/// What the device is told that it may send: no more than it takes itself, for the way back is as wide, nor than the
/// interface has.
#[inline(always)]
fn mss(ctx: &XdpContext, segment: &Segment, theirs: u32) -> u16 {
    let headers = if segment.flow.source.is_v4() { 40 } else { 60 };
    let mut mtu = 0;
    // SAFETY: the context of this run; the helper writes the interface's MTU.
    unsafe { bpf_check_mtu(ctx.ctx.cast(), 0, &raw mut mtu, 0, 0) };
    let ours = mtu.wrapping_sub(headers);
    (if mtu > headers && ours < theirs { ours } else { theirs }) as u16
}

#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn check_cookie(ctx: *mut xdp_md) -> u32 {
    if !makes_cookies() {
        return ELSEWHERE;
    }
    let Some(Scratch { cookie, .. }) = maps::scratch() else { return ELSEWHERE };
    let ctx = XdpContext::new(ctx);
    let Some(segment) = cookie.segment else { return ELSEWHERE };
    if !headers(&ctx, &segment, cookie, 20) {
        return ELSEWHERE;
    }
    let (ip, tcp) = (cookie.ip.as_mut_ptr(), cookie.tcp.as_mut_ptr());
    // SAFETY: copies of both headers.
    let checked = unsafe {
        if segment.flow.source.is_v4() {
            bpf_tcp_raw_check_syncookie_ipv4(ip.cast(), tcp.cast())
        } else {
            bpf_tcp_raw_check_syncookie_ipv6(ip.cast(), tcp.cast())
        }
    };
    if checked == 0 {
        VALID
    } else if is_connected(&ctx, &segment.flow) {
        ELSEWHERE
    } else {
        INVALID
    }
}

/// Whether the stack has more than a listener for the flow.
#[inline(always)]
fn is_connected(ctx: &XdpContext, flow: &FlowKey) -> bool {
    // As the kernel has them: `FlowKey` is its tuple of IPv6.
    let ports = u32::from(flow.destination_port) << 16 | u32::from(flow.source_port);
    let mut v4 = [flow.source.0[3], flow.destination.0[3], ports];
    let mut v6 = *flow;
    // SAFETY: the context of this run, and tuples of the lengths that are given; the socket is released once, on every
    // way, and not touched afterwards.
    unsafe {
        let (tuple, len): (*mut bpf_sock_tuple, usize) = if flow.source.is_v4() {
            ((&raw mut v4).cast(), size_of_val(&v4))
        } else {
            ((&raw mut v6).cast(), size_of_val(&v6))
        };
        let socket = bpf_skc_lookup_tcp(ctx.ctx.cast(), tuple, len as u32, CURRENT_NETNS, 0);
        if socket.is_null() {
            return false;
        }
        let state = (&raw const (*socket).state).read_volatile();
        bpf_sk_release(socket.cast());
        state != TCP_LISTEN
    }
}

/// Copies the headers of a plain segment.
#[inline(always)]
fn headers(ctx: &XdpContext, segment: &Segment, cookie: &mut Cookie, tcp_len: usize) -> bool {
    let ip = cookie.ip.as_mut_ptr();
    let has_ip = if segment.flow.source.is_v4() {
        packet::copy::<32>(ctx, segment.ip, ip, 20)
    } else {
        packet::copy::<64>(ctx, segment.ip, ip, 40)
    };
    has_ip && packet::copy::<TCP>(ctx, segment.tcp, cookie.tcp.as_mut_ptr(), tcp_len)
}
