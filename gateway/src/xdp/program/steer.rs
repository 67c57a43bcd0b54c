//! Steering, and what chooses listening sockets.

use std::net::SocketAddr;

use aya::maps::MapError;
use fleetgate_ebpf::abi::has;

use super::Program;
use crate::config::Serve;
use crate::xdp::sockets::{Listening, SocketError, Sockets};
use crate::xdp::steer::{Flows, HostCpus};

impl Program {
    /// Steers flows to the CPUs `all`, and those of `hosts` to theirs, from now on; to none where `all` is empty. To be called
    /// once the hosts are configured.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn steer(&mut self, all: &[u32], hosts: &HostCpus) -> Result<(), MapError> {
        let hosts_have_own = self.steering.write(&mut self.ebpf, all, hosts, &self.slots)?;
        let mut bits = 0;
        if !all.is_empty() {
            bits |= has::STEERING;
            if hosts_have_own {
                bits |= has::HOST_SETS;
            }
        }
        self.write_settings(|settings| {
            settings.has = (settings.has & !(has::STEERING | has::HOST_SETS)) | bits;
        })?;
        self.steering.clean_up(&mut self.ebpf, all, hosts)
    }

    /// Has flows go to these CPUs from the first packet on where a gateway before this one steered with the same settings. To be
    /// called before the program is attached; [`Program::steer`] has the last word.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(in crate::xdp) fn resume_steering(&mut self, all: &[u32], hosts: &HostCpus) -> Result<(), MapError> {
        if self.settings.has & has::STEERING != 0 {
            self.steering.write(&mut self.ebpf, all, hosts, &self.slots)?;
        }
        Ok(())
    }

    /// Packets that were steered, by CPU.
    ///
    /// # Errors
    /// When the kernel refuses to tell.
    pub fn steered(&self) -> Result<Vec<(u32, u64)>, MapError> {
        self.steering.packets(&self.ebpf)
    }

    /// A way to the flows' records for other threads.
    pub(in crate::xdp) fn flows(&mut self) -> Result<Flows, MapError> {
        self.steering.flows(&mut self.ebpf)
    }

    /// Tells the programs of the listeners' sockets, of which `cpus` has the CPU of each worker.
    pub(in crate::xdp) fn write_sockets(
        &mut self,
        listeners: &[Listening<'_>],
        cpus: &[Option<u32>],
    ) -> Result<(), SocketError> {
        self.sockets.write(&mut self.ebpf, listeners, cpus)
    }

    /// Has the worker on the SYN's CPU accept; for how many listeners.
    pub(in crate::xdp) fn choose_sockets(
        &mut self,
        listeners: &[Listening<'_>],
    ) -> Result<usize, SocketError> {
        Sockets::choose(&mut self.ebpf, listeners)
    }

    /// Has listeners take what comes for served prefixes; which ones.
    pub(in crate::xdp) fn serve(
        &mut self,
        serve: &[Serve],
        listeners: &[Listening<'_>],
    ) -> Result<Vec<SocketAddr>, SocketError> {
        if serve.is_empty() {
            self.sockets.serve_nothing(self.pins.as_ref());
            return Ok(Vec::new());
        }
        self.sockets.serve(&mut self.ebpf, listeners, self.pins.as_ref())
    }
}
