//! One device: connects, reports now and then, connects again.

use std::cell::Cell;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_rustls::client::TlsStream;

use super::pause::{Backoff, Pause, jittered};
use super::wire::{After, Wire};
use super::{Bad, Ledger, Orders, mischief};
use crate::client::{Connector, Failure, Target};

/// How soon a CRL is in force at the latest. A device that comes before may be let in for the last time.
const IN_FORCE: Duration = Duration::from_secs(5);

/// What all devices of a squad do.
#[derive(Clone, Copy, Debug)]
pub struct Role {
    /// Time between two reports, half to one and a half times.
    pub every: Duration,
    /// Reports on a connection before a device makes a new one; `None`: it holds what it has.
    pub reports: Option<u64>,
    /// How it comes back; at once without one.
    pub backoff: Option<Backoff>,
}

/// What is a device's own.
pub struct Member {
    /// Its number in its squad, from 0.
    pub number: usize,
    /// Why it should be refused, if it should.
    pub bad: Option<Bad>,
    /// How it connects.
    pub connector: Connector,
    /// The same with its next certificate, if it gets one.
    pub next: Option<Connector>,
    /// What it says.
    pub wire: Arc<Wire>,
    /// Where it connects to, and from.
    pub target: Target,
    /// When it comes first.
    pub start: Duration,
}

/// A device at work.
pub(super) struct Device {
    pub(super) role: Role,
    pub(super) member: Member,
    pub(super) orders: Arc<Orders>,
    pub(super) ledger: Arc<Ledger>,
    /// Whether it was revoked, and its last connection has ended.
    pub(super) gone: Cell<bool>,
}

/// How a connection ended.
enum Ended {
    /// As it should: so many reports, or a new certificate.
    Done,
    /// By an order.
    Cut,
    /// By the other side, while nothing was under way.
    Closed(Failure),
    /// Without a good answer.
    Failed(Failure),
}

impl Device {
    /// Works until dropped.
    pub(super) async fn run(self, mut cuts: watch::Receiver<u64>) {
        sleep(self.member.start).await;
        let mut pause = Pause::new(self.role.backoff);
        loop {
            let rest = match self.bad() {
                Some(bad) => self.misbehave(bad).await,
                None => self.behave(&mut cuts, &mut pause).await,
            };
            sleep(rest).await;
        }
    }

    /// What is wrong with it by now.
    fn bad(&self) -> Option<Bad> {
        let revoked = || self.orders.revoked(self.member.number);
        let is_gone = self.gone.get() || revoked().is_some_and(|since| since.elapsed() > IN_FORCE);
        self.member.bad.or(is_gone.then_some(Bad::Revoked))
    }

    /// A connection of a good device, and how long it rests then.
    async fn behave(&self, cuts: &mut watch::Receiver<u64>, pause: &mut Pause) -> Duration {
        let ended = self.connection(cuts, pause).await;
        if let Some(since) = self.orders.revoked(self.member.number) {
            // Whatever ended it, it was right.
            self.gone.set(true);
            self.ledger.ended_after_revocation(since.elapsed());
            return IN_FORCE.saturating_sub(since.elapsed()).max(jittered(self.role.every));
        }
        match ended {
            Ended::Done => jittered(self.role.every),
            Ended::Cut => pause.after_loss(),
            Ended::Closed(failure) => {
                self.ledger.closed(&failure);
                pause.after_loss()
            }
            Ended::Failed(failure) => {
                self.ledger.failed(&failure);
                pause.after_failure()
            }
        }
    }

    /// An attempt of one that should be refused.
    async fn misbehave(&self, bad: Bad) -> Duration {
        let attempt = match bad {
            Bad::SlowHello | Bad::HalfOpen | Bad::Garbage => {
                mischief::commit(bad, self.connector(), self.member.target).await
            }
            _ => self.one_report().await,
        };
        match attempt {
            Ok(()) => self.ledger.admitted(bad),
            Err(failure) => self.ledger.turned_away(bad, &failure),
        }
        jittered(self.role.every)
    }

    async fn one_report(&self) -> Result<(), Failure> {
        let mut stream = self.connector().open(self.member.target).await?;
        self.member.wire.greet(&mut stream).await?;
        self.member.wire.report(&mut stream, 0).await.map(drop)
    }

    /// A connection from handshake to close.
    async fn connection(&self, cuts: &mut watch::Receiver<u64>, pause: &mut Pause) -> Ended {
        cuts.mark_unchanged();
        let (begun, era) = (Instant::now(), self.ledger.era());
        let connector = self.connector();
        let mut stream = tokio::select! {
            opened = connector.open(self.member.target) => match opened {
                Ok(stream) => stream,
                Err(failure) => return Ended::Failed(failure),
            },
            _ = cuts.changed() => return Ended::Cut,
        };
        self.ledger.connected(begun.elapsed());
        let ended = {
            let mut talk = pin!(self.talk(&mut stream, era, pause));
            tokio::select! {
                ended = &mut talk => ended,
                _ = cuts.changed() => Ended::Cut,
            }
        };
        match ended {
            Ended::Done => self.member.wire.leave(&mut stream).await,
            // Without a linger, closing is a reset. One that was reset already cannot have it.
            Ended::Cut => drop(SockRef::from(stream.get_ref().0).set_linger(Some(Duration::ZERO))),
            Ended::Closed(_) | Ended::Failed(_) => {}
        }
        ended
    }

    async fn talk(&self, stream: &mut TlsStream<TcpStream>, era: u64, pause: &mut Pause) -> Ended {
        if let Err(failure) = self.member.wire.greet(stream).await {
            return Ended::Failed(failure);
        }
        let (mut up, mut number, renewed) = (None, 0, self.is_renewed());
        loop {
            let sent = Instant::now();
            let after = match self.member.wire.report(stream, number).await {
                Ok(after) => after,
                Err(failure) => return Ended::Failed(failure),
            };
            self.ledger.answered(sent.elapsed());
            up.get_or_insert_with(|| self.ledger.device_up(era));
            pause.reset();
            number += 1;
            if after == After::Closing || self.role.reports == Some(number) {
                return Ended::Done;
            }
            tokio::select! {
                () = sleep(jittered(self.role.every)) => {}
                failure = closed(stream) => return Ended::Closed(failure),
            }
            if self.is_renewed() != renewed {
                return Ended::Done;
            }
        }
    }

    fn is_renewed(&self) -> bool {
        self.orders.is_renewed(self.member.number)
    }

    fn connector(&self) -> &Connector {
        self.member.next.as_ref().filter(|_| self.is_renewed()).unwrap_or(&self.member.connector)
    }
}

/// Waits for the end of a connection on which nothing is under way.
async fn closed(stream: &mut TlsStream<TcpStream>) -> Failure {
    let mut byte = [0];
    match stream.read(&mut byte).await {
        Ok(0) => Failure::Closed(io::ErrorKind::UnexpectedEof.into()),
        Ok(_) => Failure::Protocol("an answer that nobody asked for"),
        Err(error) => Failure::from_io(error),
    }
}
