//! Bans, as operators see and change them, and as evidence brings them.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Control, State};
use crate::limit::{self, Offence, Offender, Reputation};
use crate::model::hostname::HostPattern;
use crate::xdp::{BanError, Banned, Cause, Enforcer, Overview, Subject, in_order};

/// How long an operator's ban lasts unless they say.
const USUAL: Duration = Duration::from_hours(1);
/// The longest ban: a year.
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// Whom an operator bans or pardons.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BanRequest {
    /// An IPv4 address, or any address of an IPv6 /64.
    pub source: IpAddr,
    /// The host; none means every one.
    pub host: Option<String>,
    /// For how many seconds; an hour unless it says.
    pub seconds: Option<u64>,
}

/// What became of it.
#[derive(Debug, Serialize)]
pub struct BanChange {
    /// Whom it was about.
    pub subject: String,
    /// Whether anything changed.
    pub changed: bool,
    /// For how many seconds it holds.
    pub seconds: Option<u64>,
}

/// The bans in force.
#[derive(Debug, Serialize)]
pub struct BanList {
    /// The one that ends first in front.
    pub bans: Vec<Banned>,
}

/// Why nobody was banned or pardoned.
#[derive(Debug, thiserror::Error)]
pub enum RefusedBan {
    /// No name of a host.
    #[error("`{0}` is not the name of a host")]
    Host(String),
    /// Too short or too long.
    #[error("a ban lasts from a second to a year")]
    Time,
    /// There are as many as there may be.
    #[error("there is no room for more bans; raise xdp.table.bans")]
    Full,
    /// The XDP side.
    #[error(transparent)]
    Xdp(#[from] BanError),
}

impl BanRequest {
    fn subject(&self) -> Result<Subject, RefusedBan> {
        let parse = |host: &String| host.parse::<HostPattern>().map_err(|_| RefusedBan::Host(host.clone()));
        Ok(Subject { source: self.source.to_canonical(), host: self.host.as_ref().map(parse).transpose()? })
    }
}

impl Control {
    /// The bans in force, wherever they are enforced.
    ///
    /// # Errors
    /// When the kernel refuses to tell.
    pub fn bans(&self) -> Result<BanList, BanError> {
        let mut bans = unless_off(self.lock().plane.bans())?.unwrap_or_default();
        for here in self.shared.limiter.bans.list().into_iter().map(in_userspace) {
            // An operator's are in both places.
            if !bans.iter().any(|ban| (&ban.source, &ban.host) == (&here.source, &here.host)) {
                bans.push(here);
            }
        }
        Ok(BanList { bans: in_order(bans) })
    }

    /// Bans a source, at once: in XDP, and in userspace for what comes through a balancer or while XDP is off.
    ///
    /// # Errors
    /// The request makes no sense, or the kernel refuses.
    pub fn ban(&self, request: &BanRequest) -> Result<BanChange, RefusedBan> {
        let subject = request.subject()?;
        let time = request.seconds.map_or(USUAL, Duration::from_secs);
        if time.is_zero() || time > LONGEST {
            return Err(RefusedBan::Time);
        }
        self.must_be_served(&subject)?;
        let is_in_xdp = unless_off(self.lock().plane.ban(&subject, time, Cause::Operator))?.is_some();
        let is_here = self.shared.limiter.bans.add(subject.source, subject.host.clone(), time, None);
        if !is_in_xdp && !is_here {
            return Err(RefusedBan::Full);
        }
        self.shared.verdicts.announce();
        self.shared.metrics.bans.with_label_values(&[Cause::Operator.label()]).inc();
        tracing::warn!(%subject, ?time, "banned by an operator");
        Ok(BanChange { subject: subject.to_string(), changed: true, seconds: Some(time.as_secs()) })
    }

    /// Takes a ban back.
    ///
    /// # Errors
    /// As [`Control::ban`].
    pub fn unban(&self, request: &BanRequest) -> Result<BanChange, RefusedBan> {
        let subject = request.subject()?;
        self.must_be_served(&subject)?;
        let in_xdp = unless_off(self.lock().plane.unban(&subject))?.unwrap_or_default();
        let changed = self.shared.limiter.bans.remove(subject.source, subject.host.clone()) || in_xdp;
        if changed {
            tracing::warn!(%subject, "a ban was taken back by an operator");
        }
        Ok(BanChange { subject: subject.to_string(), changed, seconds: None })
    }

    /// Everything about the XDP side.
    ///
    /// # Errors
    /// When the kernel refuses to tell.
    pub fn xdp(&self) -> Result<Overview, BanError> {
        Ok(self.lock().plane.overview(&self.shared.snapshot.load())?)
    }

    /// Has XDP know sources of verified devices, and bans those that did too much wrong. What came through a balancer is
    /// none of XDP's business: there it would meet everybody else behind that.
    pub(super) fn follow_reputation(&self, state: &mut State) {
        let limiter = &self.shared.limiter;
        let mut is_any_here = false;
        state.plane.remember_verified(limiter.direct.take_verified().into_iter());
        for offender in self.offenders(&limiter.direct) {
            let (subject, cause, time) = self.sentence(&offender);
            match state.plane.ban(&subject, time, cause) {
                Ok(()) => self.banned(&subject, cause, time),
                Err(BanError::Off) => is_any_here |= self.ban_in_userspace(offender),
                Err(error) => tracing::warn!(%subject, %error, "cannot ban"),
            }
        }
        for offender in self.offenders(&limiter.proxied) {
            is_any_here |= self.ban_in_userspace(offender);
        }
        // However many there are: what they have open ends now.
        if is_any_here {
            self.shared.verdicts.announce();
        }
    }

    /// Those that did too much wrong, but for whom the configuration exempts.
    fn offenders(&self, reputation: &Reputation) -> Vec<Offender> {
        let snapshot = self.shared.snapshot.load();
        let mut offenders = reputation.take_offenders();
        offenders.retain(|offender| !snapshot.xdp.is_allowed(offender.source));
        offenders
    }

    fn sentence(&self, Offender { source, host, offence }: &Offender) -> (Subject, Cause, Duration) {
        let subject = Subject { source: *source, host: host.clone() };
        (subject, cause(Some(*offence)), self.shared.snapshot.load().xdp.ban.duration)
    }

    /// False when there is no room.
    fn ban_in_userspace(&self, offender: Offender) -> bool {
        let (subject, cause, time) = self.sentence(&offender);
        let Offender { source, host, offence } = offender;
        let is_banned = self.shared.limiter.bans.add(source, host, time, Some(offence));
        if is_banned {
            self.banned(&subject, cause, time);
        } else {
            tracing::warn!(%subject, "cannot ban: there is no room; raise xdp.table.bans");
        }
        is_banned
    }

    fn banned(&self, subject: &Subject, cause: Cause, time: Duration) {
        self.shared.metrics.bans.with_label_values(&[cause.label()]).inc();
        tracing::warn!(%subject, evidence = cause.label(), ?time, "banned on evidence");
    }

    fn must_be_served(&self, subject: &Subject) -> Result<(), BanError> {
        let snapshot = self.shared.snapshot.load();
        match &subject.host {
            Some(host) if !snapshot.hosts().any(|served| served.pattern == *host) => {
                Err(BanError::UnknownHost(host.clone()))
            }
            _ => Ok(()),
        }
    }
}

/// `None` where XDP is off: userspace does its work.
fn unless_off<T>(result: Result<T, BanError>) -> Result<Option<T>, BanError> {
    match result {
        Err(BanError::Off) => Ok(None),
        result => result.map(Some),
    }
}

const fn cause(offence: Option<Offence>) -> Cause {
    match offence {
        None => Cause::Operator,
        Some(Offence::Handshakes) => Cause::Handshakes,
        Some(Offence::Certificates) => Cause::Certificates,
        Some(Offence::Names) => Cause::Names,
        Some(Offence::Requests) => Cause::Requests,
    }
}

fn in_userspace(ban: limit::Banned) -> Banned {
    Banned {
        source: Subject { source: ban.source, host: None }.to_string(),
        host: ban.host.map(|host| host.to_string()),
        cause: cause(ban.cause),
        age: ban.age.as_secs(),
        remaining: ban.remaining.as_secs(),
        packets: ban.met,
        by: Enforcer::Userspace,
    }
}
