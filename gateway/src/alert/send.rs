//! Sends messages to whoever is to be told.

use std::error::Error as _;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use http::StatusCode;
use rustls::pki_types::CertificateDer;
use tokio::time::timeout;

use super::document::Webhook;
use super::mail::Mailer;
use super::message::Message;
use super::webhook;
use crate::model::alert::EmailAddress;
use crate::web::{Client, WebError};

/// Why a message has not arrived, as far as anybody knows.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It is not one after all.
    #[error("the address is not one that mail can be sent to")]
    Address,
    /// There is nothing to check servers by.
    #[error("{0}")]
    NoRoots(String),
    /// There is no such webhook, or it does not read as one.
    #[error("there is no such webhook")]
    NoWebhook,
    /// No mail server.
    #[error("alert.smtp is not set: there is no server to send mail through")]
    NoSmtp,
    /// Its URL is not https.
    #[error(
        "its URL is http, and whoever is on the way would read the secret; use https, or set alert.allow_http"
    )]
    PlainHttp,
    /// It leads into our own network.
    #[error("its host leads to {0}, which is no public address; set alert.allow_private to send there")]
    Private(IpAddr),
    /// It is somewhere else.
    #[error("it answers {0}, and redirects are not followed; give the URL that it redirects to")]
    Redirect(StatusCode),
    /// The secret has something in it that no header can have.
    #[error("its secret cannot be sent")]
    Secret,
    /// The mail server refuses it.
    #[error("{}", chain(.0))]
    Smtp(lettre::transport::smtp::Error),
    /// It refuses it.
    #[error("it answers {0}")]
    Status(StatusCode),
    /// It takes too long.
    #[error("no answer within the {0:?} of alert.timeout")]
    Timeout(Duration),
    /// It cannot be reached.
    #[error("{0}")]
    Web(WebError),
}

impl From<WebError> for SendError {
    fn from(error: WebError) -> Self {
        match error {
            WebError::Address(address) => Self::Private(address),
            error => Self::Web(error),
        }
    }
}

/// What a mail server says is behind what went wrong.
fn chain(error: &lettre::transport::smtp::Error) -> String {
    match error.source() {
        Some(source) => format!("the mail server: {error} ({source})"),
        None => format!("the mail server: {error}"),
    }
}

/// How messages are sent.
pub(super) struct Sender {
    pub(super) timeout: Duration,
    pub(super) allow_http: bool,
    pub(super) allow_private: bool,
    pub(super) roots: Option<Vec<CertificateDer<'static>>>,
    pub(super) mailer: Option<Mailer>,
    /// Made when it is first needed: looking the system's CAs up takes a while.
    pub(super) client: OnceLock<Result<Client, String>>,
}

impl Sender {
    /// Sends `message` to a webhook.
    pub(super) async fn to_webhook(&self, to: &Webhook, message: &Message) -> Result<(), SendError> {
        if !to.url.tls && !self.allow_http {
            return Err(SendError::PlainHttp);
        }
        let client = self.client.get_or_init(|| Client::new(self.roots.as_deref(), self.allow_private));
        let client = client.as_ref().map_err(|error| SendError::NoRoots(error.clone()))?;
        self.in_time(webhook::send(client, to, message)).await
    }

    /// Sends `message` by mail.
    pub(super) async fn to_mailbox(&self, to: &EmailAddress, message: &Message) -> Result<(), SendError> {
        let mailer = self.mailer.as_ref().ok_or(SendError::NoSmtp)?;
        self.in_time(mailer.send(to, message)).await
    }

    async fn in_time(&self, sent: impl Future<Output = Result<(), SendError>>) -> Result<(), SendError> {
        timeout(self.timeout, sent).await.unwrap_or(Err(SendError::Timeout(self.timeout)))
    }
}
