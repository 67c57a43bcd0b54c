//! What the origin answers.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use http::{HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Either, Full};
use serde_json::{Map, Value, json};

/// The bytes that are sent, again and again.
static CHUNK: [u8; 65_536] = [b'x'; 65_536];

/// Answers `GET /bytes/N` with N bytes, and everything else with what was asked, as JSON.
pub(super) async fn answer<B: Body + Unpin>(
    mut request: Request<B>,
) -> Response<Either<Full<Bytes>, Filler>> {
    // Whoever sends a body expects that it is read.
    while let Some(Ok(_)) = request.body_mut().frame().await {}
    let path = request.uri().path();
    let mut response = match path.strip_prefix("/bytes/").and_then(|count| count.parse().ok()) {
        Some(count) => Response::new(Either::Right(Filler { left: count })),
        None => Response::new(Either::Left(Full::from(echo(&request).to_string()))),
    };
    let (length, kind) = match response.body() {
        Either::Left(text) => (text.size_hint().lower(), "application/json"),
        Either::Right(bytes) => (bytes.left, "application/octet-stream"),
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, length.into());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn echo<B>(request: &Request<B>) -> Value {
    json!({
        "method": request.method().as_str(),
        "path": request.uri().path_and_query().map_or("/", |path| path.as_str()),
        "headers": headers(request.headers()),
    })
}

/// A header that came once as a string, one that came several times as an array.
fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let text = |value: &HeaderValue| Value::from(String::from_utf8_lossy(value.as_bytes()).into_owned());
    headers
        .keys()
        .map(|name| {
            let mut values: Vec<_> = headers.get_all(name).iter().map(text).collect();
            let value = if values.len() == 1 { values.remove(0) } else { values.into() };
            (name.as_str().to_owned(), value)
        })
        .collect()
}

/// A body of so many bytes, never held in memory.
pub(super) struct Filler {
    left: u64,
}

impl Body for Filler {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(CHUNK.len());
        self.left -= count as u64;
        let chunk = CHUNK.get(..count).unwrap_or_default();
        Poll::Ready((count > 0).then(|| Ok(Frame::data(Bytes::from_static(chunk)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Empty;

    use super::*;

    async fn body(request: Request<Empty<Bytes>>) -> Vec<u8> {
        answer(request).await.into_body().collect().await.unwrap().to_bytes().to_vec()
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_request_comes_back_as_json() {
        let request = Request::post("/a?b=c").header("X-One", "1").header("x-two", "2").header("x-two", "3");
        let echo: Value = serde_json::from_slice(&body(request.body(Empty::new()).unwrap()).await).unwrap();
        let expected =
            json!({"method": "POST", "path": "/a?b=c", "headers": {"x-one": "1", "x-two": ["2", "3"]}});
        assert_eq!(echo, expected);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn as_many_bytes_as_asked_for() {
        for count in [0, 1, 65_536, 100_001] {
            let request = Request::get(format!("/bytes/{count}")).body(Empty::new()).unwrap();
            assert_eq!(body(request).await.len(), count);
        }
    }
}
