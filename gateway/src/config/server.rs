//! `[server]`, `[[listener]]` and `[timeout]`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Spanned, Value};

use super::source::Source;
use super::value::{Parsed, Time, at_least, inner, invalid, word};
use crate::model::ca::CaAlgorithms;

/// `[server]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Worker threads; 0 means one for each available core.
    pub workers: usize,
    /// Connections at the same time; further ones wait in the kernel's queue.
    pub max_connections: u32,
    /// The algorithms that may have signed an uploaded CA.
    pub ca_algorithms: CaAlgorithms,
    /// Entries of the verdict cache.
    pub verdict_cache: u32,
    /// Bytes of a request's head.
    pub max_request_header: u32,
    /// Bytes of a request's body; 0 is any number.
    pub max_request_body: u64,
    /// Requests at the same time on an HTTP/2 connection.
    pub max_concurrent_streams: u32,
    /// Idle connections that each worker keeps to each origin.
    pub max_idle_origin_connections: u32,
    /// Requests that each worker has under way to each origin.
    pub max_origin_requests: u32,
    /// The folder for what outlives the process: local denials, and what is known of CRLs.
    pub state_dir: Option<PathBuf>,
}

impl Server {
    /// [`Self::state_dir`], taken from the folder of the file that it stands in.
    pub fn state_dir(&self, source: &Source) -> Option<PathBuf> {
        self.state_dir.as_deref().map(|folder| source.resolve(folder))
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            workers: 0,
            max_connections: 10_000,
            ca_algorithms: CaAlgorithms::All,
            verdict_cache: 100_000,
            max_request_header: 65_536,
            max_request_body: 0,
            max_concurrent_streams: 128,
            max_idle_origin_connections: 128,
            max_origin_requests: 4096,
            state_dir: None,
        }
    }
}

impl<'de> Deserialize<'de> for Server {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let default = Self::default();
        let mut table = TableHelper::new(value)?;
        let workers = table.optional("workers").unwrap_or(0u16);
        let max_request_body = table.optional("max_request_body").unwrap_or(default.max_request_body);
        let ca_algorithms =
            table.optional::<Algorithms>("ca_algorithms").map_or(default.ca_algorithms, |words| words.0);
        let mut size = |key, least, default| at_least(&mut table, key, least, default);
        let server = Self {
            workers: 0,
            max_connections: size("max_connections", 1, default.max_connections),
            ca_algorithms,
            verdict_cache: size("verdict_cache", 1, default.verdict_cache),
            // hyper's own minimum.
            max_request_header: size("max_request_header", 8192, default.max_request_header),
            max_request_body,
            max_concurrent_streams: size("max_concurrent_streams", 1, default.max_concurrent_streams),
            max_idle_origin_connections: size(
                "max_idle_origin_connections",
                0,
                default.max_idle_origin_connections,
            ),
            max_origin_requests: size("max_origin_requests", 1, default.max_origin_requests),
            state_dir: table.optional::<String>("state_dir").map(PathBuf::from),
        };
        table.finalize(None)?;
        Ok(Self { workers: workers.into(), ..server })
    }
}

/// `[[listener]]`
#[derive(Clone, Debug)]
pub struct Listener {
    /// Where connections are accepted. It serves every host, by SNI.
    pub address: Spanned<SocketAddr>,
    /// Whether each connection begins with a header of the PROXY protocol, which says where it comes from.
    pub proxy_protocol: bool,
    /// Who may send that header. Others are not served.
    pub trusted: Vec<IpNet>,
}

impl Listener {
    /// Who may say where connections come from; `None` where they come from their peers.
    pub fn proxies(&self) -> Option<&[IpNet]> {
        self.proxy_protocol.then_some(&self.trusted)
    }
}

impl<'de> Deserialize<'de> for Listener {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let address = table.required_s::<Parsed<SocketAddr>>("address");
        let proxy_protocol = table.optional_s("proxy_protocol").unwrap_or(Spanned::new(false));
        let trusted = table.optional_s::<Vec<Parsed<IpNet>>>("trusted").unwrap_or_default();
        let problem = match (proxy_protocol.value, trusted.value.is_empty()) {
            (true, true) => Some((
                "`proxy_protocol` needs `trusted`: who may say where others come from",
                proxy_protocol.span,
            )),
            (false, false) => Some(("`trusted` is for listeners with `proxy_protocol = true`", trusted.span)),
            _ => None,
        };
        if let Some((message, span)) = problem {
            table.errors.extend(invalid(message.to_owned(), span).errors);
        }
        table.finalize(None)?;
        let trusted = trusted.value.into_iter().map(|Parsed(prefix)| prefix).collect();
        Ok(Self { address: inner(address?), proxy_protocol: proxy_protocol.value, trusted })
    }
}

/// `[timeout]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From accept to the end of the TLS handshake.
    pub handshake: Duration,
    /// From the end of a handshake or response to the end of the next request's header; also how long an idle
    /// connection is kept.
    pub request_header: Duration,
    /// How long a request's body may stand still on its way to us.
    pub request_body: Duration,
    /// How long a device may leave a response unread.
    pub response_write: Duration,
    /// Connecting to an origin.
    pub origin_connect: Duration,
    /// From the request, or the last part of its body that moved, to the head of the origin's response.
    pub origin_response: Duration,
    /// How long a response's body may stand still.
    pub origin_stall: Duration,
    /// How long an idle connection to an origin is kept.
    pub origin_idle: Duration,
    /// How long a byte stream may stand still.
    pub stream_idle: Duration,
    /// How long a byte stream may be open.
    pub stream_total: Duration,
    /// How long open connections may take to finish after SIGTERM.
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            request_header: Duration::from_secs(75),
            request_body: Duration::from_mins(1),
            response_write: Duration::from_mins(2),
            origin_connect: Duration::from_secs(5),
            origin_response: Duration::from_mins(1),
            origin_stall: Duration::from_mins(5),
            origin_idle: Duration::from_secs(30),
            stream_idle: Duration::from_mins(15),
            stream_total: Duration::from_hours(24),
            drain: Duration::from_secs(30),
        }
    }
}

impl<'de> Deserialize<'de> for Timeouts {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let default = Self::default();
        let mut table = TableHelper::new(value)?;
        let mut time = |key, default| table.optional::<Time>(key).map_or(default, |time| time.0);
        let timeouts = Self {
            handshake: time("handshake", default.handshake),
            request_header: time("request_header", default.request_header),
            request_body: time("request_body", default.request_body),
            response_write: time("response_write", default.response_write),
            origin_connect: time("origin_connect", default.origin_connect),
            origin_response: time("origin_response", default.origin_response),
            origin_stall: time("origin_stall", default.origin_stall),
            origin_idle: time("origin_idle", default.origin_idle),
            stream_idle: time("stream_idle", default.stream_idle),
            stream_total: time("stream_total", default.stream_total),
            drain: time("drain", default.drain),
        };
        table.finalize(None)?;
        Ok(timeouts)
    }
}

struct Algorithms(CaAlgorithms);

impl<'de> Deserialize<'de> for Algorithms {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        word(value, &[("all", CaAlgorithms::All), ("cloudflare", CaAlgorithms::Cloudflare)]).map(Self)
    }
}
