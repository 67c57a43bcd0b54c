//! `[xdp.limit]`

use fleetgate_ebpf::gcra::Rate;
use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Spanned, Value};

use crate::config::value::Limit;

/// `[xdp.limit]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// SYNs of one IPv4 address or IPv6 /64.
    pub syn_per_source: Rate,
    /// SYNs of all sources without a verified device.
    pub syn_total: Rate,
    /// Hellos of one IPv4 address or IPv6 /64.
    pub hello_per_source: Rate,
    /// Hellos that name one host.
    pub hello_per_host: Rate,
    /// Hellos of all sources without a verified device.
    pub hello_total: Rate,
    /// Hellos of one source whose name is not in the first segment.
    pub incomplete_per_source: Rate,
    /// First data of one source that is no hello, or one that contradicts itself.
    pub not_tls_per_source: Rate,
    /// Flows of unknown sources that are remembered.
    pub new_flows: Rate,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            syn_per_source: Rate::per_second(50, 100),
            syn_total: Rate::per_second(50_000, 100_000),
            hello_per_source: Rate::per_second(20, 40),
            hello_per_host: Rate::per_second(5_000, 10_000),
            hello_total: Rate::per_second(20_000, 40_000),
            incomplete_per_source: Rate::per_second(20, 40),
            not_tls_per_source: Rate::per_second(2, 10),
            new_flows: Rate::per_second(20_000, 40_000),
        }
    }
}

impl Limits {
    /// No limits at all.
    pub const OFF: Self = Self {
        syn_per_source: Rate::UNLIMITED,
        syn_total: Rate::UNLIMITED,
        hello_per_source: Rate::UNLIMITED,
        hello_per_host: Rate::UNLIMITED,
        hello_total: Rate::UNLIMITED,
        incomplete_per_source: Rate::UNLIMITED,
        not_tls_per_source: Rate::UNLIMITED,
        new_flows: Rate::UNLIMITED,
    };

    /// Each of them.
    pub const fn all(&self) -> [Rate; 8] {
        let Self {
            syn_per_source,
            syn_total,
            hello_per_source,
            hello_per_host,
            hello_total,
            incomplete_per_source,
            not_tls_per_source,
            new_flows,
        } = *self;
        [
            syn_per_source,
            syn_total,
            hello_per_source,
            hello_per_host,
            hello_total,
            incomplete_per_source,
            not_tls_per_source,
            new_flows,
        ]
    }
}

/// Limits as they are written.
#[derive(Default)]
pub(super) struct Written {
    pub(super) limits: Limits,
    /// Keys of limits that only XDP can enforce: they are about packets.
    pub(super) only_in_xdp: Vec<Spanned<&'static str>>,
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let default = Limits::default();
        let mut table = TableHelper::new(value)?;
        let mut only_in_xdp = Vec::new();
        let mut limit = |key, default| {
            let Some(Spanned { value: Limit(rate), span }) = table.optional_s(key) else { return default };
            let name = match key {
                "incomplete_per_source" => "xdp.limit.incomplete_per_source",
                "not_tls_per_source" => "xdp.limit.not_tls_per_source",
                "new_flows" => "xdp.limit.new_flows",
                _ => return rate,
            };
            if rate != Rate::UNLIMITED {
                only_in_xdp.push(Spanned::with_span(name, span));
            }
            rate
        };
        let limits = Limits {
            syn_per_source: limit("syn_per_source", default.syn_per_source),
            syn_total: limit("syn_total", default.syn_total),
            hello_per_source: limit("hello_per_source", default.hello_per_source),
            hello_per_host: limit("hello_per_host", default.hello_per_host),
            hello_total: limit("hello_total", default.hello_total),
            incomplete_per_source: limit("incomplete_per_source", default.incomplete_per_source),
            not_tls_per_source: limit("not_tls_per_source", default.not_tls_per_source),
            new_flows: limit("new_flows", default.new_flows),
        };
        table.finalize(None)?;
        Ok(Self { limits, only_in_xdp })
    }
}
