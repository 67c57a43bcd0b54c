//! `xdp.serve`: prefixes and ports that are served beside the listeners' own addresses.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use fleetgate_ebpf::abi::{MAX_SERVED, port};
use ipnet::IpNet;
use toml_span::Spanned;
use toml_span::de_helpers::TableHelper;

use crate::config::access::Network;
use crate::config::value::{Parsed, invalid};

/// A prefix, and the ports that are served on every address in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serve {
    /// Where.
    pub network: IpNet,
    /// Never empty, and never with port 0.
    pub ports: RangeInclusive<u16>,
}

/// Why a text says nothing that could be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServeError {
    /// There is no port.
    #[error(
        "write a prefix and ports, like \"198.51.100.0/24:8443\", \"198.51.100.0/24:8443-8500\" or \"[2001:db8::/48]:443\""
    )]
    Form,
    /// In front of the ports is no prefix.
    #[error("`{0}` is not an address or prefix")]
    Network(String),
    /// The ports are none.
    #[error("`{0}` is not a port or a range of ports (from 1 to 65535, the lower first)")]
    Ports(String),
}

impl fmt::Display for Serve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.network {
            IpNet::V4(network) => write!(f, "{network}")?,
            IpNet::V6(network) => write!(f, "[{network}]")?,
        }
        write!(f, ":{}", self.ports.start())?;
        if self.ports.start() == self.ports.end() {
            return Ok(());
        }
        write!(f, "-{}", self.ports.end())
    }
}

impl FromStr for Serve {
    type Err = ServeError;

    fn from_str(text: &str) -> Result<Self, ServeError> {
        let (network, ports) = text.rsplit_once(':').ok_or(ServeError::Form)?;
        let bare = network.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        // Without brackets or a length nobody can tell the port from the last part of an IPv6 address.
        if bare.is_none() && network.contains(':') && !network.contains('/') {
            return Err(ServeError::Form);
        }
        let network = bare.unwrap_or(network);
        let Network(network) = network.parse().map_err(|_| ServeError::Network(network.to_owned()))?;
        let ports = range(ports).ok_or_else(|| ServeError::Ports(ports.to_owned()))?;
        Ok(Self { network, ports })
    }
}

fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
    let (first, last): (u16, u16) = (number(first)?, number(last)?);
    (1..=last).contains(&first).then_some(first..=last)
}

/// The list, within what the tables hold.
pub(super) fn list(table: &mut TableHelper<'_>) -> Vec<Serve> {
    let Spanned { value, span } = table.optional_s::<Vec<Parsed<Serve>>>("serve").unwrap_or_default();
    let serve: Vec<Serve> = value.into_iter().map(|serve| serve.0).collect();
    let mut sets: Vec<_> = serve.iter().map(|serve| &serve.ports).collect();
    sets.sort_unstable_by_key(|ports| (*ports.start(), *ports.end()));
    sets.dedup();
    if sets.len() > port::MAX_SETS as usize {
        let message = format!("more than {} different ranges of ports in `serve`", port::MAX_SETS);
        table.errors.extend(invalid(message, span).errors);
    }
    if serve.len() > MAX_SERVED as usize {
        let message = format!("more than {MAX_SERVED} entries in `serve`");
        table.errors.extend(invalid(message, span).errors);
    }
    serve
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_and_its_ports_are_read_in_every_spelling() {
        let read = |text: &str| {
            let Serve { network, ports } = text.parse().unwrap();
            (network.to_string(), *ports.start(), *ports.end())
        };
        assert_eq!(read("198.51.100.0/24:8443"), ("198.51.100.0/24".to_owned(), 8443, 8443));
        assert_eq!(read("198.51.100.0/24:8443-8500"), ("198.51.100.0/24".to_owned(), 8443, 8500));
        assert_eq!(read("198.51.100.7:1-65535"), ("198.51.100.7/32".to_owned(), 1, 65_535));
        assert_eq!(read("[2001:db8:1::/48]:443"), ("2001:db8:1::/48".to_owned(), 443, 443));
        assert_eq!(read("2001:db8:1::/48:443"), ("2001:db8:1::/48".to_owned(), 443, 443));
        assert_eq!(read("[2001:db8::1]:443"), ("2001:db8::1/128".to_owned(), 443, 443));
    }

    #[test]
    fn what_was_read_is_written_as_it_could_have_been() {
        for text in ["198.51.100.0/24:8443-8500", "[2001:db8:1::/48]:443"] {
            assert_eq!(text.parse::<Serve>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_none_is_refused_with_its_reason() {
        let error = |text: &str| text.parse::<Serve>().unwrap_err();
        for text in ["", "8443", "198.51.100.0/24", "2001:db8::1:443"] {
            assert_eq!(error(text), ServeError::Form, "{text}");
        }
        for text in ["198.51.100.0/33:443", "example.com:443", "[]:443", ":443"] {
            assert!(matches!(error(text), ServeError::Network(_)), "{text}");
        }
        for ports in ["0", "443-", "-443", "500-400", "65536", "0-10", "1-2-3", "+443", ""] {
            assert_eq!(error(&format!("198.51.100.0/24:{ports}")), ServeError::Ports(ports.into()));
        }
    }
}
