//! The XDP side follows the listeners, and connections have it follow them to their hosts' CPUs.

use std::sync::{Mutex, PoisonError};

use super::{Control, State};
use crate::xdp::Listening;

impl Control {
    /// Tells the XDP side which sockets listen, and gives workers a way to the flows' records.
    pub(super) fn follow_listeners(&self, state: &mut State) {
        let open = self.listeners.in_force();
        let direct = state.base.config.protected();
        let listening: Vec<_> = open
            .iter()
            .map(|listener| Listening {
                address: listener.address(),
                sockets: listener.sockets(),
                is_direct: direct.contains(&listener.address()),
            })
            .collect();
        let cpus = self.shared.seats.as_ref().map(|seats| seats.cpus()).unwrap_or_default();
        state.plane.follow_listeners(&self.shared.snapshot.load(), &listening, &cpus);
        let Some(seats) = &self.shared.seats else { return };
        let Some(flows) = state.plane.flows() else { return };
        let flows = Mutex::new(flows);
        seats.set_steering(move |flow| {
            let mut flows = flows.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = flows.steer(flow.peer, flow.local, flow.cpu, flow.host) {
                // Its packets come in on another CPU, and are served all the same.
                tracing::debug!(%error, "the packets of a connection do not follow it");
            }
        });
    }
}
