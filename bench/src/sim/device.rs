//! One device: connects, asks now and then, connects again.

use std::rc::Rc;
use std::time::{Duration, Instant};

use http::Uri;
use tokio::time::sleep;

use super::Statistics;
use crate::client::{Connector, Failure, Session, Target};

/// The longest rest after failures.
const LONGEST_REST: Duration = Duration::from_secs(10);

/// What devices do.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// What they ask for.
    pub path: Uri,
    /// Requests on a connection before they make a new one.
    pub requests_per_connection: u64,
    /// Time between requests, half to one and a half times.
    pub interval: Duration,
}

/// Why a device should be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bad {
    /// Its certificate is of another CA.
    Stranger,
    /// It has no certificate.
    NoCertificate,
    /// It asks for a host that is not served.
    UnknownName,
}

impl Bad {
    /// All of them, as devices take them by turns.
    pub const ALL: [Self; 3] = [Self::Stranger, Self::NoCertificate, Self::UnknownName];

    /// What it is counted as.
    pub fn label(self) -> &'static str {
        match self {
            Self::Stranger => "stranger",
            Self::NoCertificate => "no_certificate",
            Self::UnknownName => "unknown_name",
        }
    }
}

pub(super) struct Device {
    pub(super) connector: Connector,
    pub(super) target: Target,
    pub(super) bad: Option<Bad>,
    pub(super) behaviour: Rc<Behaviour>,
    pub(super) statistics: Rc<Statistics>,
}

impl Device {
    /// Works until dropped.
    pub(super) async fn run(self) {
        // A fleet that was switched on at once would ask at once ever after.
        sleep(self.behaviour.interval.mul_f64(fastrand::f64())).await;
        let mut rest = self.behaviour.interval;
        loop {
            match (self.connection().await, self.bad) {
                (Ok(()), None) => rest = self.behaviour.interval,
                (Ok(()), Some(bad)) => self.statistics.admitted(bad),
                (Err(reason), None) => {
                    self.statistics.failed(reason);
                    rest = (rest * 2)
                        .clamp(Duration::from_millis(100), LONGEST_REST.max(self.behaviour.interval));
                }
                (Err(reason), Some(bad)) => self.statistics.refused(bad, reason),
            }
            pause(rest).await;
        }
    }

    /// A connection from handshake to close. An error is the label of what went wrong.
    async fn connection(&self) -> Result<(), String> {
        let begun = Instant::now();
        let mut session = self.connector.connect(self.target).await.map_err(label)?;
        let _up = self.bad.is_none().then(|| {
            self.statistics.connected(begun.elapsed());
            self.statistics.up()
        });
        // One answer shows whether a bad device was let in.
        let requests = if self.bad.is_some() { 1 } else { self.behaviour.requests_per_connection };
        for number in 0..requests {
            if number > 0 {
                pause(self.behaviour.interval).await;
            }
            self.request(&mut session).await?;
        }
        Ok(())
    }

    async fn request(&self, session: &mut Session) -> Result<(), String> {
        let begun = Instant::now();
        let answer = session.get(&self.behaviour.path).await.map_err(label)?;
        if !answer.status.is_success() {
            return Err(format!("status_{}", answer.status.as_u16()));
        }
        if self.bad.is_none() {
            self.statistics.answered(begun.elapsed());
        }
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn label(failure: Failure) -> String {
    failure.label().into_owned()
}

async fn pause(time: Duration) {
    sleep(time.mul_f64(0.5 + fastrand::f64())).await;
}
