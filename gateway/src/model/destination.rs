//! Where an application is: names and paths, written as `host/path`.

use std::fmt;
use std::str::FromStr;

use super::domain::{DomainError, DomainPattern};
use super::path_pattern::{PathPattern, PatternError};

/// A part of some hosts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    /// Which names.
    pub domain: DomainPattern,
    /// Which paths.
    pub path: PathPattern,
}

/// Why a text is no destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// A scheme in front of it.
    #[error("an application's domain is a host and perhaps a path, without https://")]
    Scheme,
    /// The names.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// The paths.
    #[error(transparent)]
    Path(#[from] PatternError),
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        if text.contains("://") {
            return Err(DestinationError::Scheme);
        }
        let (domain, path) = text.split_at(text.find('/').unwrap_or(text.len()));
        Ok(Self { domain: domain.parse()?, path: path.parse()? })
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.domain, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_a_host_and_perhaps_a_path() {
        for (text, expected) in [
            ("IoT.example.com", "iot.example.com"),
            ("iot.example.com/", "iot.example.com"),
            ("*.example.com/admin/*", "*.example.com/admin/*"),
        ] {
            assert_eq!(text.parse::<Destination>().unwrap().to_string(), expected);
        }
        assert_eq!("https://a.example".parse::<Destination>(), Err(DestinationError::Scheme));
        assert!(matches!("a.example:443/x".parse::<Destination>(), Err(DestinationError::Domain(_))));
        assert!(matches!("a.example/..".parse::<Destination>(), Err(DestinationError::Path(_))));
    }
}
