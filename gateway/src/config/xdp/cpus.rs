//! Lists of CPUs: `xdp.steer_cpus`, and a host's `cpus`.

use fleetgate_ebpf::abi::{MAX_CPU, MAX_SET};
use toml_span::Spanned;
use toml_span::de_helpers::TableHelper;

use crate::config::value::invalid;

/// Numbers of CPUs, each once. Empty where there is none.
pub(in crate::config) fn cpus(table: &mut TableHelper<'_>, key: &'static str) -> Spanned<Vec<u32>> {
    let cpus = table.optional_s::<Vec<u32>>(key).unwrap_or_default();
    let mut sorted = cpus.value.clone();
    sorted.sort_unstable();
    let twice = sorted.iter().zip(sorted.iter().skip(1)).find(|(cpu, next)| cpu == next);
    let message = if let Some((cpu, _)) = twice {
        format!("CPU {cpu} is in `{key}` twice")
    } else if let Some(beyond) = sorted.last().filter(|last| **last >= MAX_CPU) {
        format!("there is no CPU {beyond}; numbers of CPUs are below {MAX_CPU}")
    } else if sorted.len() > MAX_SET {
        format!("more than {MAX_SET} CPUs in `{key}`")
    } else {
        return cpus;
    };
    table.errors.extend(invalid(message, cpus.span).errors);
    cpus
}
