//! Sources that are kept out for a time, by an operator or on evidence.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use aya::Ebpf;
use fleetgate_ebpf::abi::{Address, Ban, HostBanKey, limit_key, map};
use nix::time::{ClockId, clock_gettime};
use serde::Serialize;

use super::maps::{self, Result};
use super::slots::Slots;
use crate::model::hostname::HostPattern;

/// Who is banned from what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// An IPv4 address, or any address of the IPv6 /64.
    pub source: IpAddr,
    /// The host; none means every one.
    pub host: Option<HostPattern>,
}

/// Why somebody is banned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u32)]
pub enum Cause {
    /// An operator said so.
    Operator = 0,
    /// Handshakes that failed.
    Handshakes = 1,
    /// Certificates that were refused.
    Certificates = 2,
    /// Names that nobody serves.
    Names = 3,
    /// Requests that were refused.
    Requests = 4,
}

/// A ban in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Banned {
    /// The address, or the /64.
    pub source: String,
    /// The host; none means every one.
    pub host: Option<String>,
    /// Why.
    pub cause: Cause,
    /// Seconds since it began.
    pub age: u64,
    /// Seconds until it ends.
    pub remaining: u64,
    /// Packets that it has met; in userspace, connections and requests.
    pub packets: u64,
    /// Who enforces it.
    pub by: Enforcer,
}

/// Who enforces a ban.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforcer {
    /// The XDP program.
    Xdp,
    /// The gateway itself.
    Userspace,
}

/// Why nobody was banned.
#[derive(Debug, thiserror::Error)]
pub enum BanError {
    /// There is no program.
    #[error("XDP is off (`fleetgate xdp status` says why)")]
    Off,
    /// No such host.
    #[error("no host {0} is served")]
    UnknownHost(HostPattern),
    /// The kernel refused.
    #[error("cannot write the XDP program's maps: {0}")]
    Map(#[from] aya::maps::MapError),
}

impl Cause {
    const fn from_number(number: u32) -> Self {
        match number {
            1 => Self::Handshakes,
            2 => Self::Certificates,
            3 => Self::Names,
            4 => Self::Requests,
            _ => Self::Operator,
        }
    }

    /// The value of a metric label or log field.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Handshakes => "handshakes",
            Self::Certificates => "certificates",
            Self::Names => "names",
            Self::Requests => "requests",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(&limit_key(&self.source.into())))?;
        self.host.as_ref().map_or(Ok(()), |host| write!(f, " from {host}"))
    }
}

/// The source of a limit or ban, for people.
pub(super) fn text(key: &Address) -> String {
    match IpAddr::from(*key) {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("{v6}/64"),
    }
}

/// Writes a ban; one that is there already begins anew.
pub(super) fn add(
    ebpf: &mut Ebpf,
    slots: &Slots,
    Subject { source, host }: &Subject,
    time: Duration,
    cause: Cause,
) -> Result<(), BanError> {
    let since = now();
    let until = since.saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    let ban = Ban { until, since, packets: 0, cause: cause as u32, reserved: 0 };
    let source = limit_key(&(*source).into());
    match host {
        None => maps::hash::<Address, Ban>(ebpf, map::BANS)?.insert(source, ban, 0)?,
        Some(host) => {
            let slot = slot(slots, host)?;
            maps::hash::<HostBanKey, Ban>(ebpf, map::HOST_BANS)?.insert(
                HostBanKey { source, slot },
                ban,
                0,
            )?;
        }
    }
    Ok(())
}

/// Removes a ban. False when there was none.
pub(super) fn remove(
    ebpf: &mut Ebpf,
    slots: &Slots,
    Subject { source, host }: &Subject,
) -> Result<bool, BanError> {
    let source = limit_key(&(*source).into());
    Ok(match host {
        None => maps::hash::<Address, Ban>(ebpf, map::BANS)?.remove(&source).is_ok(),
        Some(host) => {
            let key = HostBanKey { source, slot: slot(slots, host)? };
            maps::hash::<HostBanKey, Ban>(ebpf, map::HOST_BANS)?.remove(&key).is_ok()
        }
    })
}

/// What is in force. What is over is removed.
pub(super) fn list(ebpf: &mut Ebpf, slots: &Slots) -> Result<Vec<Banned>> {
    let now = now();
    let everywhere = maps::entries::<Address, Ban>(ebpf, map::BANS)?;
    let by_host = maps::entries::<HostBanKey, Ban>(ebpf, map::HOST_BANS)?;
    let mut bans = Vec::new();
    for (source, ban) in everywhere {
        match describe(&source, None, &ban, now) {
            Some(banned) => bans.push(banned),
            None => drop(maps::hash::<Address, Ban>(ebpf, map::BANS)?.remove(&source)),
        }
    }
    for (key, ban) in by_host {
        let host = slots.iter().find(|(_, slot)| *slot == key.slot);
        let banned = host.and_then(|(host, _)| describe(&key.source, Some(host.to_string()), &ban, now));
        match banned {
            Some(banned) => bans.push(banned),
            None => drop(maps::hash::<HostBanKey, Ban>(ebpf, map::HOST_BANS)?.remove(&key)),
        }
    }
    Ok(in_order(bans))
}

/// Bans as they are listed: the one that ends first in front.
pub fn in_order(mut bans: Vec<Banned>) -> Vec<Banned> {
    bans.sort_by(|a, b| (a.remaining, &a.source, &a.host).cmp(&(b.remaining, &b.source, &b.host)));
    bans
}

fn describe(source: &Address, host: Option<String>, ban: &Ban, now: u64) -> Option<Banned> {
    let seconds = |nanoseconds: u64| Duration::from_nanos(nanoseconds).as_secs();
    (ban.until > now).then(|| Banned {
        source: text(source),
        host,
        cause: Cause::from_number(ban.cause),
        age: seconds(now.saturating_sub(ban.since)),
        remaining: seconds(ban.until - now),
        packets: ban.packets,
        by: Enforcer::Xdp,
    })
}

fn slot(slots: &Slots, host: &HostPattern) -> Result<u32, BanError> {
    let found = slots.iter().find(|(served, _)| *served == host);
    found.map(|(_, slot)| slot).ok_or_else(|| BanError::UnknownHost(host.clone()))
}

/// Nanoseconds of the clock that the program reads.
fn now() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}
