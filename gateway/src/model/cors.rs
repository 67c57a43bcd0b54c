//! What an application says to browsers of other origins (the API's `cors_headers`).

use http::{HeaderName, HeaderValue, Method};

/// Answers to preflight requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorsHeaders {
    /// Which origins may ask.
    pub origins: Allowed<HeaderValue>,
    /// With which methods.
    pub methods: Allowed<Method>,
    /// With which headers.
    pub headers: Allowed<HeaderName>,
    /// Whether with credentials: cookies, and client certificates.
    pub credentials: bool,
    /// Seconds that the answer may be kept.
    pub max_age: Option<u32>,
}

/// All, or these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed<T> {
    /// All.
    All,
    /// These.
    These(Box<[T]>),
}

impl<T> Default for Allowed<T> {
    fn default() -> Self {
        Self::These(Box::default())
    }
}

impl<T> Allowed<T> {
    /// The same of something else.
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Allowed<U> {
        match self {
            Self::All => Allowed::All,
            Self::These(items) => Allowed::These(items.into_iter().map(each).collect()),
        }
    }
}

impl<T: PartialEq> Allowed<T> {
    /// Whether `item` is one of them.
    pub fn contains(&self, item: &T) -> bool {
        match self {
            Self::All => true,
            Self::These(items) => items.contains(item),
        }
    }
}
