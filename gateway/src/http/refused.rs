//! Why a request was not answered by its origin, and what its sender gets to see.

use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;

use super::bounds::Fault;
use super::denied;
use super::seating::Exceeded;
use crate::access::{Denial, Permit, page};
use crate::origin::OriginError;

/// Why a request was not answered by its origin.
pub(super) enum Refused<'a> {
    /// No usable Host header.
    BadHost,
    /// The Host is not the name that the connection was made for (RFC 9110, 7.4), or is no longer served to it.
    Misdirected,
    /// Its source was banned since the connection was made.
    Banned,
    /// Access said no.
    Denied(Denial<'a>),
    /// Access said yes, and the device has had its share.
    Limited(Permit<'a>, Exceeded),
    /// Access said yes, and the request's body is not as it has to be.
    Body(Permit<'a>, Fault),
    /// Access said yes, and the token that goes with it could not be signed.
    NoToken(Permit<'a>),
    /// The origin did not answer.
    Origin(Permit<'a>, OriginError),
}

impl Refused<'_> {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::BadHost => StatusCode::BAD_REQUEST,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::Banned => StatusCode::FORBIDDEN,
            Self::Denied(denial) => denied::status(denial),
            Self::Limited(..) => StatusCode::TOO_MANY_REQUESTS,
            Self::Body(_, fault) => fault.status(),
            Self::NoToken(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Origin(_, error) => error.status(),
        }
    }

    pub(super) fn message(&self) -> &str {
        match self {
            Self::BadHost => "The request names no host, or not a valid one.",
            Self::Misdirected => "This connection was made for another host.",
            Self::Banned => "Too much was wrong with what came from your address. Please try again later.",
            Self::Denied(denial) => denied::message(denial),
            Self::Limited(_, exceeded) => exceeded.message(),
            Self::Body(_, fault) => fault.message(),
            Self::NoToken(_) => "The gateway cannot vouch for you right now. Please try again later.",
            Self::Origin(..) => {
                "The application behind this gateway cannot be reached. Please try again later."
            }
        }
    }

    /// The log field and metric label `reason`.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::BadHost => "bad_host",
            Self::Misdirected => "misdirected",
            Self::Banned => "banned",
            Self::Denied(denial) => denial.reason.label(),
            Self::Limited(_, exceeded) => exceeded.label(),
            Self::Body(_, fault) => fault.label(),
            Self::NoToken(_) => "token_not_signed",
            Self::Origin(_, error) => error.label(),
        }
    }

    /// Whether it speaks against its sender: policy said no, or a limit did.
    pub(super) fn is_evidence(&self) -> bool {
        let status = self.status();
        status == StatusCode::TOO_MANY_REQUESTS
            || (status == StatusCode::FORBIDDEN && self.denial().is_some())
    }

    /// What the client gets to see. `host` is the name that was asked for.
    pub(super) fn page(&self, host: &str, ray_id: &str, reader: page::Reader) -> Response<Full<Bytes>> {
        let (status, message) = (self.status(), self.message());
        let refusal = page::Refusal { status, message, ray_id, application: None, instead: None };
        let Self::Denied(Denial { application: Some(application), .. }) = self else {
            return page::respond(&refusal, reader);
        };
        let (aud, instead) = (application.aud.to_string(), self.denial().and_then(denied::elsewhere));
        let named = Some(page::Named { aud: &aud, domain: host });
        page::respond(&page::Refusal { application: named, instead: instead.as_ref(), ..refusal }, reader)
    }

    fn denial(&self) -> Option<&Denial<'_>> {
        if let Self::Denied(denial) = self { Some(denial) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::DialError;

    #[test]
    fn every_refusal_has_the_status_that_says_whose_fault_it_is() {
        let origin: crate::model::origin::OriginUrl = "http://127.0.0.1:1".parse().unwrap();
        let permit = Permit { application: None, policy: None };
        let denial =
            Denial { application: None, policy: None, reason: crate::access::Reason::DeniedByPolicy };
        let error = std::io::ErrorKind::ConnectionRefused.into();
        let connect = DialError::Connect { origin: origin.clone(), error }.into();
        let late = DialError::Timeout(origin.clone()).into();
        let cases = [
            (Refused::BadHost, 400, "bad_host"),
            (Refused::Misdirected, 421, "misdirected"),
            (Refused::Denied(denial), 403, "denied_by_policy"),
            (Refused::Banned, 403, "banned"),
            (Refused::Limited(permit, Exceeded::Connections), 429, "limit_connections"),
            (Refused::Limited(permit, Exceeded::Requests { seconds: 1 }), 429, "limit_requests"),
            (Refused::Body(permit, Fault::Idle), 408, "request_body_timeout"),
            (Refused::Body(permit, Fault::TooLarge), 413, "request_body_too_large"),
            (Refused::Origin(permit, connect), 502, "origin_connect"),
            (Refused::Origin(permit, late), 504, "origin_connect_timeout"),
            (Refused::Origin(permit, OriginError::ResponseTimeout(origin)), 504, "origin_response_timeout"),
        ];
        for (refused, status, label) in cases {
            assert_eq!((refused.status().as_u16(), refused.label()), (status, label));
            let is_evidence = ["denied_by_policy", "limit_connections", "limit_requests"].contains(&label);
            assert_eq!(refused.is_evidence(), is_evidence, "{label}");
            assert!(
                !refused.message().contains("127.0.0.1"),
                "an origin is nobody's business: {}",
                refused.message()
            );
        }
    }
}
