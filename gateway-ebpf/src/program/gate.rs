//! Who may send at all: lists and bans.

use fleetgate_ebpf::abi::{self, Address, Ban, Settings, has, listed};
use fleetgate_ebpf::frame::{Segment, flag};
use fleetgate_ebpf::verdict::Verdict;

use super::{event, limit, maps};

/// What lists and bans say of a source.
#[derive(Clone, Copy)]
pub(super) enum Gate {
    /// Nothing.
    Open,
    /// No limit touches it.
    Allowed,
    /// Not a packet more.
    Shut(Verdict),
}

/// Asks lists and bans about the segment's source. Payload behind a SYN belongs to an open connection, which is reset.
#[inline(always)]
pub(super) fn ask(settings: &Settings, segment: &Segment) -> Gate {
    let has_payload = segment.payload_len != 0 && segment.flags & (flag::SYN | flag::RST) == 0;
    if settings.has & has::PREFIXES != 0 {
        match maps::listed(&segment.flow.source) {
            Some(listed::ALLOWED) => return Gate::Allowed,
            Some(listed::DENIED) if has_payload => return Gate::Shut(Verdict::DeniedReset),
            Some(listed::DENIED) => return Gate::Shut(Verdict::Denied),
            _ => {}
        }
    }
    if settings.has & has::BANS != 0 && is_banned(segment) {
        return Gate::Shut(if has_payload { Verdict::BannedReset } else { Verdict::Banned });
    }
    Gate::Open
}

#[inline(always)]
fn is_banned(segment: &Segment) -> bool {
    let Some(ban) = maps::ban(&abi::limit_key(&segment.flow.source)) else { return false };
    let Some(first) = meet(ban) else { return false };
    if first {
        event::tell(Verdict::Banned, &segment.flow);
    }
    true
}

/// Whether the source is banned from the host.
#[inline(always)]
pub(super) fn is_banned_from(settings: &Settings, source: Address, slot: u32) -> bool {
    settings.has & has::HOST_BANS != 0 && maps::host_ban(source, slot).is_some_and(|ban| meet(ban).is_some())
}

/// `None` where the ban is over; else whether this is the first packet that meets it.
#[inline(always)]
fn meet(ban: *mut Ban) -> Option<bool> {
    // SAFETY: a live map value; a count that is lost between CPUs is for people only.
    unsafe {
        if (*ban).until <= limit::coarse_now() {
            return None;
        }
        (*ban).packets += 1;
        Some((*ban).packets == 1)
    }
}
