//! Where permitted traffic goes: the address of an origin, as it is written in the configuration.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rustls::pki_types::ServerName;

/// Origins that a host has at most.
pub const MAX_ORIGINS: usize = 64;

/// The longest path of a unix socket in bytes: `sun_path` less the zero behind it.
const MAX_SOCKET_PATH: usize = 107;

/// The address of an origin: `http://`, `https://`, `tcp://` and `tls://` with a host and a port, or `unix:` with the
/// path of a socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OriginUrl {
    scheme: Scheme,
    place: Place,
}

/// What is spoken with an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// HTTP over TCP.
    Http,
    /// HTTP over TLS.
    Https,
    /// Bytes over TCP.
    Tcp,
    /// Bytes over TLS.
    Tls,
    /// Over a unix socket: HTTP or bytes, as the host's protocol wants it.
    Unix,
}

/// Where an origin listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// On a TCP port.
    Port {
        /// A name in lower case, or an address.
        host: ServerName<'static>,
        /// Its port, never 0.
        port: u16,
    },
    /// On a unix socket: an absolute path.
    Socket(PathBuf),
}

/// What a host passes on, and so what its origins must take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// Requests: `protocol = "https"`.
    Requests,
    /// Bytes: `protocol = "tls"`.
    Bytes,
}

/// The versions of HTTP that are spoken with an origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HttpVersions {
    /// What the origin chooses by ALPN; HTTP/1.1 where there is no TLS.
    #[default]
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2; without TLS with prior knowledge (RFC 9113, 3.3).
    Http2,
}

/// Why a text is not the address of an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginUrlError {
    /// No scheme, or one that is none of ours.
    #[error("an origin is http://HOST, https://HOST, tcp://HOST:PORT, tls://HOST:PORT or unix:/PATH")]
    Scheme,
    /// No host, or something that is neither a name nor an address.
    #[error("there is no valid host; write a name, an IPv4 address, or an IPv6 address in brackets")]
    Host,
    /// Something behind the colon that is no port.
    #[error("the port must be a number from 1 to 65535")]
    Port,
    /// No port, where there is none by convention.
    #[error("{} needs a port, as in {}broker.internal:{}", .0.prefix(), .0.prefix(), .0.example_port())]
    NoPort(Scheme),
    /// A path, query or user information behind a scheme of HTTP.
    #[error("an origin is a host and a port only; the path comes from the request")]
    Extra,
    /// The same behind another scheme.
    #[error("an origin is a host and a port only; bytes have no path")]
    ExtraForBytes,
    /// A unix socket that is not given by an absolute path.
    #[error("a unix socket is given by its absolute path, as in unix:/run/app.sock")]
    SocketPath,
    /// A path beyond what the kernel takes.
    #[error("the path of a unix socket has at most {MAX_SOCKET_PATH} bytes")]
    SocketPathLength,
}

impl Scheme {
    const ALL: [Self; 5] = [Self::Http, Self::Https, Self::Tcp, Self::Tls, Self::Unix];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Http => "http://",
            Self::Https => "https://",
            Self::Tcp => "tcp://",
            Self::Tls => "tls://",
            Self::Unix => "unix:",
        }
    }

    const fn default_port(self) -> Option<u16> {
        match self {
            Self::Http => Some(80),
            Self::Https => Some(443),
            Self::Tcp | Self::Tls | Self::Unix => None,
        }
    }

    const fn example_port(self) -> u16 {
        match self {
            Self::Tls => 8883,
            Self::Http | Self::Https | Self::Tcp | Self::Unix => 1883,
        }
    }
}

impl OriginUrl {
    /// What is spoken with it.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Where it listens.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Whether the way to it is over TLS.
    pub fn is_tls(&self) -> bool {
        matches!(self.scheme, Scheme::Https | Scheme::Tls)
    }

    /// Whether it can take what a host passes on.
    pub fn takes(&self, carries: Carries) -> bool {
        match self.scheme {
            Scheme::Http | Scheme::Https => carries == Carries::Requests,
            Scheme::Tcp | Scheme::Tls => carries == Carries::Bytes,
            Scheme::Unix => true,
        }
    }
}

impl FromStr for OriginUrl {
    type Err = OriginUrlError;

    fn from_str(text: &str) -> Result<Self, OriginUrlError> {
        let parts =
            Scheme::ALL.iter().find_map(|scheme| Some((*scheme, text.strip_prefix(scheme.prefix())?)));
        let (scheme, rest) = parts.ok_or(OriginUrlError::Scheme)?;
        let place = match scheme {
            Scheme::Unix => socket(rest)?,
            Scheme::Http | Scheme::Https | Scheme::Tcp | Scheme::Tls => port(scheme, rest)?,
        };
        Ok(Self { scheme, place })
    }
}

fn socket(path: &str) -> Result<Place, OriginUrlError> {
    if !path.starts_with('/') || path.starts_with("//") || path.contains('\0') || path.ends_with('/') {
        return Err(OriginUrlError::SocketPath);
    }
    if path.len() > MAX_SOCKET_PATH {
        return Err(OriginUrlError::SocketPathLength);
    }
    Ok(Place::Socket(Path::new(path).to_owned()))
}

fn port(scheme: Scheme, rest: &str) -> Result<Place, OriginUrlError> {
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains(['/', '?', '#', '@']) {
        let is_http = matches!(scheme, Scheme::Http | Scheme::Https);
        return Err(if is_http { OriginUrlError::Extra } else { OriginUrlError::ExtraForBytes });
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed_host(bracketed)?,
        None => plain_host(authority)?,
    };
    let port = match port {
        // `parse` would take a sign.
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            port.parse().map_err(|_| OriginUrlError::Port)?
        }
        Some(_) => return Err(OriginUrlError::Port),
        None => scheme.default_port().ok_or(OriginUrlError::NoPort(scheme))?,
    };
    if port == 0 { Err(OriginUrlError::Port) } else { Ok(Place::Port { host, port }) }
}

type HostAndPort<'a> = (ServerName<'static>, Option<&'a str>);

/// What is behind the bracket of an IPv6 address.
fn bracketed_host(text: &str) -> Result<HostAndPort<'_>, OriginUrlError> {
    let (address, rest) = text.split_once(']').ok_or(OriginUrlError::Host)?;
    let address: Ipv6Addr = address.parse().map_err(|_| OriginUrlError::Host)?;
    let port = match rest {
        "" => None,
        rest => Some(rest.strip_prefix(':').ok_or(OriginUrlError::Port)?),
    };
    Ok((IpAddr::from(address).into(), port))
}

fn plain_host(text: &str) -> Result<HostAndPort<'_>, OriginUrlError> {
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let host = ServerName::try_from(host.to_ascii_lowercase()).map_err(|_| OriginUrlError::Host)?;
    Ok((host, port))
}

impl fmt::Display for OriginUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = self.scheme.prefix();
        match &self.place {
            Place::Socket(path) => write!(f, "{prefix}{}", path.display()),
            Place::Port { host: ServerName::IpAddress(address), port } => {
                write!(f, "{prefix}{}", SocketAddr::new((*address).into(), *port))
            }
            Place::Port { host, port } => write!(f, "{prefix}{}:{port}", host.to_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        text.parse::<OriginUrl>().map_or_else(|error| format!("{error:?}"), |origin| origin.to_string())
    }

    #[test]
    fn every_kind_of_origin_is_understood() {
        let cases = [
            ("http://telemetry.internal/", "http://telemetry.internal:80"),
            ("http://Telemetry.Internal:8080", "http://telemetry.internal:8080"),
            ("http://[::1]:9000", "http://[::1]:9000"),
            ("http://my_service:9000", "http://my_service:9000"),
            ("https://127.0.0.1", "https://127.0.0.1:443"),
            ("https://[fd00::1]", "https://[fd00::1]:443"),
            ("tcp://broker:1883", "tcp://broker:1883"),
            ("tls://broker:8883", "tls://broker:8883"),
            ("unix:/run/app.sock", "unix:/run/app.sock"),
        ];
        for (text, shown) in cases {
            assert_eq!(parsed(text), shown, "{text}");
            assert_eq!(parsed(shown), shown, "{shown}");
        }
    }

    #[test]
    fn what_is_not_an_origin_is_refused_with_what_is_wrong() {
        let cases = [
            ("a:80", "Scheme"),
            ("ftp://a", "Scheme"),
            ("HTTP://a", "Scheme"),
            ("http://", "Host"),
            ("http://a b", "Host"),
            ("http://::1", "Host"),
            ("http://[::1", "Host"),
            ("http://[a]", "Host"),
            ("http://-a", "Host"),
            ("http://300.1.1.1", "Host"),
            ("http://:80", "Host"),
            ("http://a:0", "Port"),
            ("http://a:", "Port"),
            ("http://a:+80", "Port"),
            ("http://a:65536", "Port"),
            ("http://[::1]80", "Port"),
            ("tcp://a", "NoPort(Tcp)"),
            ("tls://a", "NoPort(Tls)"),
            ("http://a/b", "Extra"),
            ("https://a?b", "Extra"),
            ("http://u@a", "Extra"),
            ("tcp://a:1/b", "ExtraForBytes"),
            ("unix:app.sock", "SocketPath"),
            ("unix://run/app.sock", "SocketPath"),
            ("unix:/run/", "SocketPath"),
            ("unix:/a\0b", "SocketPath"),
        ];
        for (text, error) in cases {
            assert_eq!(parsed(text), error, "{text}");
        }
        let longest = format!("unix:/{}", "a".repeat(MAX_SOCKET_PATH - 1));
        assert_eq!(parsed(&longest), longest);
        assert_eq!(parsed(&(longest + "a")), "SocketPathLength");
    }

    #[test]
    fn an_error_says_what_to_write() {
        let error = "tls://broker".parse::<OriginUrl>().unwrap_err();
        assert_eq!(error.to_string(), "tls:// needs a port, as in tls://broker.internal:8883");
    }

    #[test]
    fn requests_and_bytes_go_to_origins_that_take_them() {
        let takes = |text: &str| {
            let origin: OriginUrl = text.parse().unwrap();
            (origin.takes(Carries::Requests), origin.takes(Carries::Bytes), origin.is_tls())
        };
        assert_eq!(takes("http://a"), (true, false, false));
        assert_eq!(takes("https://a"), (true, false, true));
        assert_eq!(takes("tcp://a:1"), (false, true, false));
        assert_eq!(takes("tls://a:1"), (false, true, true));
        assert_eq!(takes("unix:/a"), (true, true, false));
    }
}
