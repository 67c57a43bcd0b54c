//! A message to a webhook: one POST, without redirects.

use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use http_body_util::Full;
use hyper::body::Bytes;

use super::document::Webhook;
use super::message::Message;
use super::send::SendError;
use super::shape::body;
use crate::model::alert::Shape;
use crate::web::Client;

/// Where the secret is, as Cloudflare has it.
const SECRET: HeaderName = HeaderName::from_static("cf-webhook-auth");
/// The same each time that a message is tried: a receiver can tell by it what it has already.
const DELIVERY: HeaderName = HeaderName::from_static("idempotency-key");

/// Sends `message` to `webhook`.
///
/// # Errors
/// [`SendError`]: whatever is not a success.
pub(super) async fn send(client: &Client, webhook: &Webhook, message: &Message) -> Result<(), SendError> {
    let request = request(webhook, message).map_err(|_| SendError::Secret)?;
    let answer = client.send(&webhook.url, request).await?;
    match answer.head.status {
        status if status.is_success() => Ok(()),
        status if status.is_redirection() => Err(SendError::Redirect(status)),
        status => Err(SendError::Status(status)),
    }
}

fn request(webhook: &Webhook, message: &Message) -> http::Result<Request<Full<Bytes>>> {
    let secret = webhook.secret.as_ref();
    let body = body(webhook.shape, message, secret).to_string();
    let mut request = Request::post("/")
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT, "*/*")
        .header(DELIVERY, &message.delivery);
    if let Some(secret) = secret.filter(|_| webhook.shape != Shape::PagerDuty) {
        let mut value = HeaderValue::from_str(secret.reveal())?;
        value.set_sensitive(true);
        request = request.header(SECRET, value);
    }
    request.body(Full::from(body))
}
