//! Requests of the gateway's own to servers out there: over HTTP/1.1, without redirects, to public addresses unless others are
//! allowed. Whoever asks bounds them in time.

mod address;
mod client;
mod url;

pub use client::{Answer, Client, WebError};
pub use url::{Url, UrlError};
