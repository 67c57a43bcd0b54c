//! How a denial looks from outside: the operator may choose the words, and nobody learns more than that it is one.

use http::{HeaderValue, StatusCode};

use crate::access::{Denial, Reason};

/// The status: 403, or 401 where the application wants it of those whom no policy lets in.
pub(super) fn status(denial: &Denial<'_>) -> StatusCode {
    let wants_401 =
        denial.application.is_some_and(|application| application.settings.service_auth_401_redirect);
    match denial.reason {
        Reason::AmbiguousPath => StatusCode::BAD_REQUEST,
        Reason::CertificateInvalid
        | Reason::CertificateMissing
        | Reason::NoPolicyMatched
        | Reason::ServiceTokenInvalid
            if wants_401 =>
        {
            StatusCode::UNAUTHORIZED
        }
        _ => StatusCode::FORBIDDEN,
    }
}

/// A sentence for people.
pub(super) fn message<'a>(denial: &Denial<'a>) -> &'a str {
    if denial.reason == Reason::AmbiguousPath {
        return "The request's path can be read in more than one way.";
    }
    let own = denial.application.and_then(|application| application.settings.custom_deny_message.as_deref());
    own.unwrap_or("You don't have permission to view this. Please contact your system administrator.")
}

/// Where people are sent instead of the page: there is a place for those who had to log in or were refused by name, and one
/// for those whom nobody asked.
pub(super) fn elsewhere(denial: &Denial<'_>) -> Option<HeaderValue> {
    let settings = &denial.application?.settings;
    let url = match denial.reason {
        Reason::AmbiguousPath | Reason::NoApplication => None,
        Reason::DeniedByPolicy | Reason::LoginUnavailable => settings.custom_deny_url.as_ref(),
        Reason::CertificateInvalid
        | Reason::CertificateMissing
        | Reason::NoPolicyMatched
        | Reason::ServiceTokenInvalid => settings.custom_non_identity_deny_url.as_ref(),
    };
    HeaderValue::try_from(url?.to_string()).ok()
}
