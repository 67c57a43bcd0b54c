//! A message by e-mail, through one SMTP server.

use std::time::Duration;

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message as Mail};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use rustls::pki_types::CertificateDer;

use super::message::Message;
use super::secret::Secret;
use super::send::SendError;
use crate::config::{Smtp, SmtpTls};
use crate::model::alert::EmailAddress;

/// Sends mail through the configured server.
pub(super) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Address,
}

impl Mailer {
    /// # Errors
    /// What is wrong with the settings, for people.
    pub(super) fn new(
        smtp: &Smtp,
        password: Option<&Secret>,
        roots: Option<&[CertificateDer<'static>]>,
        timeout: Duration,
    ) -> Result<Self, String> {
        let from = smtp.from.as_str().parse().map_err(|error| format!("alert.smtp.from: {error}"))?;
        let tls = match smtp.tls {
            SmtpTls::None => Tls::None,
            SmtpTls::StartTls => Tls::Required(parameters(&smtp.host, roots)?),
            SmtpTls::Tls => Tls::Wrapper(parameters(&smtp.host, roots)?),
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&*smtp.host)
            .port(smtp.port)
            .tls(tls)
            .timeout(Some(timeout));
        if let (Some(name), Some(password)) = (&smtp.username, password) {
            transport = transport.credentials(Credentials::new(name.clone(), password.reveal().to_owned()));
        }
        Ok(Self { transport: transport.build(), from })
    }

    /// Sends `message` to `to`.
    pub(super) async fn send(&self, to: &EmailAddress, message: &Message) -> Result<(), SendError> {
        let mail = self.mail(to, message)?;
        self.transport.send(mail).await.map(drop).map_err(SendError::Smtp)
    }

    fn mail(&self, to: &EmailAddress, message: &Message) -> Result<Mail, SendError> {
        let to: Address = to.as_str().parse().map_err(|_| SendError::Address)?;
        let mail = Mail::builder()
            .from(Mailbox::new(Some("Fleetgate".to_owned()), self.from.clone()))
            .to(Mailbox::new(None, to))
            .subject(format!("[Fleetgate] {}", message.subject))
            // The same each time that it is tried: mailboxes keep one of several with the same.
            .message_id(Some(format!("<{}@{}>", message.delivery, self.from.domain())))
            .header(ContentType::TEXT_PLAIN)
            .body(format!("{}\n", message.text));
        mail.map_err(|_| SendError::Address)
    }
}

/// Certificates of `roots`, or else of the system's CAs.
fn parameters(host: &str, roots: Option<&[CertificateDer<'static>]>) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(roots) = roots {
        builder = builder.certificate_store(CertificateStore::None);
        for root in roots {
            let root = Certificate::from_der(root.to_vec()).map_err(|error| error.to_string())?;
            builder = builder.add_root_certificate(root);
        }
    }
    builder.build_rustls().map_err(|error| format!("alert.smtp: {error}"))
}
