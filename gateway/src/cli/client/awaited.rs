//! A request's body that is sent once the gateway has asked for it (`Expect: 100-continue`): whoever sends at once to a
//! gateway that refuses and hangs up does not hear why.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use http::{HeaderValue, Request, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Bytes;
use tokio::sync::oneshot;

/// The body; the default is an empty one, for which nobody has to ask.
#[derive(Debug, Default)]
pub(super) struct Awaited {
    bytes: Bytes,
    asked: Option<oneshot::Receiver<()>>,
}

impl Awaited {
    /// The same request, with a body.
    pub(super) fn with(request: Request<()>, bytes: Bytes) -> Request<Self> {
        if bytes.is_empty() {
            return request.map(|()| Self::default());
        }
        let (ask, asked) = oneshot::channel();
        let mut request = request.map(|()| Self { bytes, asked: Some(asked) });
        request.headers_mut().insert(header::EXPECT, HeaderValue::from_static("100-continue"));
        let ask = Mutex::new(Some(ask));
        hyper::ext::on_informational(&mut request, move |response| {
            let ask = ask.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(ask) = ask.filter(|_| response.status() == StatusCode::CONTINUE) {
                // Nobody listens after the end of the request.
                let _ = ask.send(());
            }
        });
        request
    }
}

impl Body for Awaited {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(asked) = &mut self.asked {
            // Without a question there is an answer already, and it ends the exchange.
            if ready!(Pin::new(asked).poll(cx)).is_err() {
                return Poll::Pending;
            }
            self.asked = None;
        }
        let bytes = std::mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}
