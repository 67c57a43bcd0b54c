//! What goes wrong for a device, and what it is counted as.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::Write as _;
use std::io;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No TCP connection.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// No connection in time.
    #[error("connecting took too long")]
    ConnectTimeout,
    /// TLS failed here or, with an alert, there.
    #[error("TLS: {0}")]
    Tls(rustls::Error),
    /// The connection ended without a reason.
    #[error("the connection ended: {0}")]
    Closed(io::Error),
    /// The answer is not HTTP, or is not whole.
    #[error("HTTP: {0}")]
    Http(hyper::Error),
    /// The answer is not of the protocol that was spoken.
    #[error("no such answer: {0}")]
    Protocol(&'static str),
    /// The answer is no.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// No answer in time.
    #[error("the answer took too long")]
    RequestTimeout,
}

/// How a server says no, after the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// By a status that is no success.
    #[error("status {0}")]
    Status(u16),
    /// By the code of a CONNACK.
    #[error("CONNACK {0}")]
    Connack(u8),
}

impl Failure {
    /// Whether the other side decided so, and not the network, or want of time.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Tls(rustls::Error::AlertReceived(_)))
    }

    /// What an error of a TLS stream was.
    pub(crate) fn from_io(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(inner) => Self::Tls(inner.clone()),
            None => Self::Closed(error),
        }
    }

    /// What an error of HTTP over a TLS stream was.
    pub(super) fn from_http(error: hyper::Error) -> Self {
        let inner = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        match inner.and_then(|inner| inner.get_ref()).and_then(|inner| inner.downcast_ref::<rustls::Error>())
        {
            Some(inner) => Self::Tls(inner.clone()),
            None => Self::Http(error),
        }
    }

    /// What it is counted as.
    pub fn label(&self) -> Cow<'static, str> {
        match self {
            Self::Connect(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused => "connect_refused".into(),
                io::ErrorKind::AddrNotAvailable => "connect_no_address".into(),
                _ if error.raw_os_error() == Some(nix::libc::EMFILE) => "connect_no_descriptor".into(),
                _ => "connect_failed".into(),
            },
            Self::ConnectTimeout => "connect_timeout".into(),
            Self::Tls(rustls::Error::AlertReceived(alert)) => {
                snake_case("alert", &format!("{alert:?}")).into()
            }
            Self::Tls(rustls::Error::InvalidCertificate(_)) => "server_certificate".into(),
            Self::Tls(_) => "tls_error".into(),
            Self::Closed(_) => "connection_closed".into(),
            Self::Http(error)
                if error.is_incomplete_message() || error.is_closed() || error.is_canceled() =>
            {
                "connection_closed".into()
            }
            Self::Http(_) => "http_error".into(),
            Self::Protocol(_) => "protocol_error".into(),
            Self::Refused(Refusal::Status(status)) => format!("status_{status}").into(),
            Self::Refused(Refusal::Connack(code)) => format!("connack_{code}").into(),
            Self::RequestTimeout => "request_timeout".into(),
        }
    }
}

/// `UnknownCA` as `alert_unknown_ca`, in the RFC's spelling.
fn snake_case(prefix: &str, name: &str) -> String {
    let mut label = prefix.to_owned();
    let mut upper_before = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !upper_before {
            label.push('_');
        }
        upper_before = letter.is_ascii_uppercase();
        // Writing to a string cannot fail.
        let _ = write!(label, "{}", letter.to_ascii_lowercase());
    }
    label.replace("unrecognised", "unrecognized")
}

#[cfg(test)]
mod tests {
    use rustls::AlertDescription;

    use super::*;

    #[test]
    fn an_alert_is_counted_by_its_name() {
        let label = |alert| Failure::Tls(rustls::Error::AlertReceived(alert)).label().into_owned();
        assert_eq!(label(AlertDescription::UnknownCA), "alert_unknown_ca");
        assert_eq!(label(AlertDescription::UnrecognisedName), "alert_unrecognized_name");
    }

    #[test]
    fn an_alert_is_found_inside_an_error_of_the_stream() {
        let alert = rustls::Error::AlertReceived(AlertDescription::CertificateRequired);
        let failure = Failure::from_io(io::Error::new(io::ErrorKind::InvalidData, alert));
        assert_eq!(failure.label(), "alert_certificate_required");
    }
}
