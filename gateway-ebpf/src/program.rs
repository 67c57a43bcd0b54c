//! Entry point: parse, judge, count, act.
#![expect(clippy::inline_always, reason = "one function to the verifier: a call would cost it what it knows")]
#![expect(clippy::cast_possible_truncation, reason = "constants, and lengths that were bounded before")]

mod classify;
mod cookie;
mod event;
mod first_data;
mod gate;
mod limit;
mod maps;
mod name;
mod packet;
mod socket;
mod steer;

use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS, XDP_TX};
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;
use aya_log_ebpf::debug;
use aya_log_ebpf::macro_support::{Level, level_enabled};
use fleetgate_ebpf::abi::NO_CPU;
use fleetgate_ebpf::frame;
use fleetgate_ebpf::verdict::{Action, Verdict};

/// Judges one packet. Every packet ends here, in one verdict that is counted.
#[xdp(frags)]
#[expect(clippy::needless_pass_by_value, reason = "the macro's signature")]
fn fleetgate_xdp(ctx: XdpContext) -> u32 {
    match frame::parse(&packet::Linear(&ctx), maps::is_protected) {
        Err(outside) => finish(outside),
        Ok(mut segment) => {
            let verdict = classify::judge(&ctx, &mut segment);
            // Dead code unless userspace loads the program with a log level: the verifier removes it.
            if level_enabled(Level::Debug) {
                explain(verdict as u32, segment.sequence);
            }
            classify::tell(verdict, &segment);
            match verdict.action() {
                Action::Reset if !packet::rewrite_to_reset(&ctx, &segment) => finish(Verdict::Ended),
                Action::Answer if matches!(verdict, Verdict::SynCookie) => {
                    finish(if cookie::give(&ctx, &segment) { verdict } else { Verdict::SynUntracked })
                }
                // The stack has no such socket, and answers in its own words.
                Action::Answer if !packet::answer(&ctx, &segment) => finish(Verdict::UnknownFlow),
                Action::Pass | Action::Reset if segment.cpu != NO_CPU => {
                    maps::count(verdict);
                    steer::redirect(&segment)
                }
                Action::Pass | Action::Drop | Action::Reset | Action::Answer => finish(verdict),
            }
        }
    }
}

/// The program's own log. A function of its own to the verifier, which would otherwise go through it for each verdict.
#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn explain(verdict: u32, sequence: u32) -> u32 {
    // The macro asks for a context and does not use it: the compiler would not pass it on.
    debug!(&XdpContext::new(core::ptr::null_mut()), "verdict {} sequence {}", verdict, sequence);
    0
}

/// Passes everything: what the other one is measured beside, and what a veth's other end needs to take answers.
#[xdp(frags)]
fn fleetgate_bare(_ctx: XdpContext) -> u32 {
    XDP_PASS
}

#[inline(always)]
fn finish(verdict: Verdict) -> u32 {
    maps::count(verdict);
    match verdict.action() {
        Action::Pass | Action::Reset => XDP_PASS,
        Action::Drop => XDP_DROP,
        Action::Answer => XDP_TX,
    }
}

/// What the licence check for GPL-only helpers reads.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // The verifier refuses an endless loop: a reachable panic would not load.
    loop {}
}
