//! Before the first byte goes on: the guard, the decision, the origin.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::log::{log_denial, log_start};
use super::mqtt::{self, Connect, Guarded, Refusal, Refused};
use super::seat;
use super::serve::Context;
use crate::access::Permit;
use crate::config::Mqtt;
use crate::connection::{Asked, Connection, State};
use crate::limit::{Seat, Who};
use crate::origin::Opened;
use crate::relay::{Account, End};

/// A stream that may begin.
pub(super) struct Open<'a> {
    pub(super) account: Account<'a>,
    pub(super) origin: Opened,
    /// What the origin gets before anything else.
    pub(super) first: Vec<u8>,
    /// Who looks at what the device sends, if anybody does.
    pub(super) guard: Option<Guarded>,
    /// Its part in what its device may do.
    pub(super) seat: Option<Rc<Seat>>,
}

/// Opens a stream, or tells the device why not.
pub(super) async fn open<'a>(
    context: &'a Context,
    connection: &'a Connection,
    state: State,
    ray_id: String,
    mut first: Vec<u8>,
    device: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> Option<Open<'a>> {
    let opening = Opening { context, connection, state: &state };
    let settings = state.host.mqtt.clone();
    let mut guard = None;
    let permit = match &settings {
        None => opening.authorize(&ray_id)?,
        Some(settings) => {
            let (permit, connect) = opening.admit(settings, &ray_id, device).await?;
            guard = Some(Guarded::new(Arc::clone(settings), connect.version));
            first.extend(connect.into_packet());
            permit
        }
    };
    let seat = match seat::take(context, connection, &state) {
        Ok(seat) => seat,
        Err(refusal) => {
            log_denial(context, connection, &state, &ray_id, refusal.label(), permit.policy_name());
            if let Some(guard) = guard {
                refuse(device, Refused { refusal, version: Some(guard.version) }).await;
            }
            return None;
        }
    };
    let who = (connection.source, &state.device);
    log_start(context, connection, &state, &ray_id, permit);
    let mut account = Account::open(&context.metrics, &context.access_log, &state.host.label, who, ray_id);
    match opening.dial(account.ray_id()).await {
        Ok(origin) => Some(Open { account, origin, first, guard, seat }),
        Err(reason) => {
            account.end = End::NoOrigin(reason);
            if let Some(guard) = guard {
                refuse(device, Refused { refusal: Refusal::NoOrigin, version: Some(guard.version) }).await;
            }
            None
        }
    }
}

/// A stream that is to be decided about.
#[derive(Clone, Copy)]
struct Opening<'a, 's> {
    context: &'a Context,
    connection: &'a Connection,
    state: &'s State,
}

impl<'s> Opening<'_, 's> {
    /// Policy alone.
    fn authorize(self, ray_id: &str) -> Option<Permit<'s>> {
        let Self { context, connection, state } = self;
        let denial = match connection.authorize(&context.metrics, state, Asked::STREAM, 0) {
            Ok(permit) => return Some(permit),
            Err(denial) => denial,
        };
        log_denial(context, connection, state, ray_id, denial.reason.label(), denial.policy_name());
        None
    }

    /// Policy, and the guard: the CONNECT as the broker is to get it.
    async fn admit(
        self,
        settings: &Mqtt,
        ray_id: &str,
        device: &mut (impl AsyncRead + AsyncWrite + Unpin),
    ) -> Option<(Permit<'s>, Connect)> {
        let limit = self.context.snapshot.load().timeouts.handshake;
        let read = read_within(limit, device, settings.max_packet).await;
        // Policy comes first: who may not pass learns nothing of what the guard looks at.
        let Some(permit) = self.authorize(ray_id) else {
            if let Ok(connect) = read {
                refuse(device, Refused { refusal: Refusal::Denied, version: Some(connect.version) }).await;
            }
            return None;
        };
        let checked = read.and_then(|connect| {
            let version = Some(connect.version);
            let State { host, device, .. } = self.state;
            let who = Who::of(self.connection.source, device);
            if !self.context.devices.may_connect(&host.label, who, &settings.connect_rate) {
                return Err(Refused { refusal: Refusal::Rate, version });
            }
            mqtt::check(connect, settings, &self.state.device)
        });
        match checked {
            Ok(connect) => Some((permit, connect)),
            Err(refused) => {
                let reason = refused.refusal.label();
                let host = &*self.state.host.label;
                self.context.metrics.mqtt_refusals.with_label_values(&[host, reason]).inc();
                log_denial(self.context, self.connection, self.state, ray_id, reason, permit.policy_name());
                refuse(device, refused).await;
                None
            }
        }
    }

    /// The connection to the origin, or why there is none.
    async fn dial(self, ray_id: &str) -> Result<Opened, &'static str> {
        let (context, host) = (self.context, &self.state.host);
        let limit = context.snapshot.load().timeouts.origin_connect;
        let device = self.state.device.verified().map(|verified| &verified.identity.fingerprint.0);
        context.origins.open(&host.origins, device, limit).await.map_err(|error| {
            context.metrics.origin_errors.with_label_values(&[&*host.label, error.label()]).inc();
            tracing::warn!(host = &*host.label, ray_id, %error, "origin failed");
            error.label()
        })
    }
}

async fn read_within(
    limit: Duration,
    device: &mut (impl AsyncRead + Unpin),
    most: u32,
) -> Result<Connect, Refused> {
    let late = Err(Refused { refusal: Refusal::Late, version: None });
    timeout(limit, mqtt::read(device, most as usize)).await.unwrap_or(late)
}

/// Tells a device why it is refused, where there is a way. A few octets on a new connection: nothing to wait for.
async fn refuse(device: &mut (impl AsyncWrite + Unpin), refused: Refused) {
    if let Some(packet) = refused.connack() {
        // It may be gone.
        let _ = device.write_all(&packet).await;
    }
}
