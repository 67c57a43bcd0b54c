//! What hosts say about CPUs.

use std::collections::BTreeSet;

use fleetgate_ebpf::abi::MAX_SETS;

use super::Compiler;

impl Compiler<'_> {
    /// A worker belongs to a CPU only where packets are steered, and the XDP program has room for so many sets.
    pub(super) fn check_cpus(&mut self) {
        let config = self.config;
        let mut sets = BTreeSet::new();
        for host in config.hosts.iter().filter(|host| !host.cpus.value.is_empty()) {
            if config.xdp.steer_cpus.value.is_empty() {
                let message = format!("host `{}` has `cpus`, and nothing is steered", host.name.value);
                self.error(host.cpus.span, message, "name the CPUs of all other hosts in xdp.steer_cpus");
            }
            let mut set = host.cpus.value.clone();
            set.sort_unstable();
            sets.insert(set);
            // One is that of all other hosts.
            if sets.len() >= MAX_SETS as usize {
                let message = format!("more than {} different lists of `cpus`", MAX_SETS - 1);
                self.error(host.cpus.span, message, "let hosts share lists");
                return;
            }
        }
    }
}
