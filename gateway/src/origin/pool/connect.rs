//! A connection to an origin for who finds none in the pool.

use std::error::Error as StdError;

use http_body::Body;
use hyper::body::Bytes;
use hyper::client::conn::http1::Builder;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::super::dial::DialError;
use super::super::error::OriginError;
use super::super::multiplexed::Multiplexed;
use super::super::slot::{Connection, Slot, Speaks};
use super::super::stream::Stream;
use super::super::target::Target;
use super::super::tls::is_http2;
use super::Pool;
use crate::model::origin::HttpVersions;

/// Bytes that are read at once over HTTP/1.1, and what a response's head may have. It is what rustls takes at once, too; more
/// would only leave the processor's cache before it is sent on.
const READ_BUFFER: usize = 64 << 10;

impl<B> Pool<B>
where
    B: Body<Data = Bytes> + Default + Unpin + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    /// A connection, or what kept it from coming in time.
    pub(super) async fn connect_in_time(
        &self,
        slot: &Slot<B>,
        only_http1: bool,
    ) -> Result<Connection<B>, OriginError> {
        let connecting = self.connect(slot, only_http1);
        let connected = timeout(self.shared.limits.get().connect, connecting).await;
        connected.unwrap_or_else(|_| Err(DialError::Timeout(slot.target.url.clone()).into()))
    }

    /// A new connection, or a place on one that somebody else made meanwhile.
    async fn connect(&self, slot: &Slot<B>, only_http1: bool) -> Result<Connection<B>, OriginError> {
        let target = &*slot.target;
        if only_http1 || slot.speaks.get() == Speaks::Http1 {
            return http1(target, self.dial(target, true).await?).await;
        }
        let guard = slot.connecting.lock().await;
        if let Some(stream) = slot.join() {
            return Ok(Connection::Http2(stream));
        }
        if slot.speaks.get() == Speaks::Http1 {
            drop(guard);
            return http1(target, self.dial(target, true).await?).await;
        }
        let stream = self.dial(target, false).await?;
        let has_no_choice = target.tls().is_none();
        if has_no_choice || is_http2(stream.alpn()) {
            let failed = |error| OriginError::protocol(&target.url, error);
            let connection = Multiplexed::new(stream).await.map_err(failed)?;
            slot.speaks.set(Speaks::Http2);
            let place = connection.enter();
            slot.keep(connection);
            return place.map(Connection::Http2).ok_or_else(|| OriginError::NoHttp2(target.url.clone()));
        }
        if target.versions == HttpVersions::Http2 {
            return Err(OriginError::NoHttp2(target.url.clone()));
        }
        slot.speaks.set(Speaks::Http1);
        http1(target, stream).await
    }

    async fn dial(&self, target: &Target, only_http1: bool) -> Result<Stream, OriginError> {
        self.shared.metrics.origin_connections.with_label_values(&[&*target.label]).inc();
        Ok(self.shared.dialer.connect(target, only_http1).await?)
    }
}

/// Speaks HTTP/1.1 on a new connection.
async fn http1<B>(target: &Target, stream: Stream) -> Result<Connection<B>, OriginError>
where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let connected = Builder::new().max_buf_size(READ_BUFFER).handshake(TokioIo::new(stream)).await;
    let (sender, connection) = connected.map_err(|error| OriginError::protocol(&target.url, error))?;
    // Its errors reach whoever sends on it.
    tokio::task::spawn_local(connection.with_upgrades());
    Ok(Connection::Http1(sender))
}
