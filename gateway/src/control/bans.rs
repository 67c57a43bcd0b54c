//! Bans, as operators see and change them, and as evidence brings them.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Control, State};
use crate::listen::{Offence, Offender};
use crate::model::hostname::HostPattern;
use crate::xdp::{BanError, Banned, Cause, Overview, Subject};

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
    /// The bans in force.
    ///
    /// # Errors
    /// XDP is off, or the kernel refuses to tell.
    pub fn bans(&self) -> Result<BanList, BanError> {
        Ok(BanList { bans: self.lock().plane.bans()? })
    }

    /// Bans a source, at once.
    ///
    /// # Errors
    /// The request makes no sense, or XDP is off.
    pub fn ban(&self, request: &BanRequest) -> Result<BanChange, RefusedBan> {
        let subject = request.subject()?;
        let time = request.seconds.map_or(USUAL, Duration::from_secs);
        if time.is_zero() || time > LONGEST {
            return Err(RefusedBan::Time);
        }
        self.lock().plane.ban(&subject, time, Cause::Operator)?;
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
        let changed = self.lock().plane.unban(&subject)?;
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

    /// Has XDP know sources of verified devices, and ban those that did too much wrong.
    pub(super) fn follow_reputation(&self, state: &mut State) {
        let reputation = &self.shared.limiter.reputation;
        state.plane.remember_verified(reputation.take_verified().into_iter());
        let time = self.shared.snapshot.load().xdp.ban.duration;
        for Offender { source, host, offence } in reputation.take_offenders() {
            let cause = match offence {
                Offence::Handshakes => Cause::Handshakes,
                Offence::Certificates => Cause::Certificates,
                Offence::Names => Cause::Names,
            };
            let subject = Subject { source, host };
            match state.plane.ban(&subject, time, cause) {
                Ok(()) => {
                    self.shared.metrics.bans.with_label_values(&[cause.label()]).inc();
                    tracing::warn!(%subject, evidence = cause.label(), ?time, "banned on evidence");
                }
                // Userspace's limits are all there is.
                Err(BanError::Off) => return,
                Err(error) => tracing::warn!(%subject, %error, "cannot ban"),
            }
        }
    }
}
