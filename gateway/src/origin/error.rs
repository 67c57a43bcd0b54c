//! Why an origin did not answer.

use http::StatusCode;

use super::dial::DialError;
use crate::model::origin::OriginUrl;

/// Why an origin did not answer.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// No connection.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// As many requests as may be are under way to it.
    #[error("{0} has as many requests under way as server.max_origin_requests allows")]
    Busy(OriginUrl),
    /// It answered something that is not HTTP, or closed the connection instead.
    #[error("{origin} broke the connection off: {error}")]
    Protocol {
        /// Which one.
        origin: OriginUrl,
        /// What hyper said.
        error: hyper::Error,
    },
    /// HTTP/2 was wanted, and the origin did not choose it.
    #[error("{0} does not speak HTTP/2; set origin_http to \"auto\" or \"1.1\"")]
    NoHttp2(OriginUrl),
    /// The client's request could not be read to its end.
    #[error("the client's request body broke off: {0}")]
    RequestBody(hyper::Error),
    /// No response in time.
    #[error("{0} did not answer in time")]
    ResponseTimeout(OriginUrl),
    /// It switched to another protocol, which nobody had asked it to.
    #[error("{0} switched to a protocol that the request did not ask for")]
    Switched(OriginUrl),
}

impl OriginError {
    /// The value of the metric label and the log field `reason`.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Dial(error) => error.label(),
            Self::Busy(_) => "origin_busy",
            Self::Protocol { .. } | Self::NoHttp2(_) => "origin_protocol",
            Self::RequestBody(_) => "request_body",
            Self::ResponseTimeout(_) => "origin_response_timeout",
            Self::Switched(_) => "origin_switched",
        }
    }

    /// The status that says whose fault it is.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Dial(DialError::Timeout(_)) | Self::ResponseTimeout(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::RequestBody(_) => StatusCode::BAD_REQUEST,
            Self::Dial(_) | Self::Protocol { .. } | Self::NoHttp2(_) | Self::Switched(_) => {
                StatusCode::BAD_GATEWAY
            }
        }
    }

    /// Whether it speaks against the origin, rather than the client or our own bounds.
    pub(super) const fn is_the_origins_fault(&self) -> bool {
        !matches!(self, Self::Busy(_) | Self::RequestBody(_) | Self::Switched(_))
    }

    pub(super) fn protocol(origin: &OriginUrl, error: hyper::Error) -> Self {
        if error.is_user() {
            Self::RequestBody(error)
        } else {
            Self::Protocol { origin: origin.clone(), error }
        }
    }
}
