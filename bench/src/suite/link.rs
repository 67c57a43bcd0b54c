//! Two namespaces, joined as a network card would join them.

use fleetgate_namespace::{Namespace, NamespaceError};

/// One end of a link.
#[derive(Clone, Copy)]
pub(super) struct End<'a> {
    pub(super) namespace: &'a Namespace,
    pub(super) interface: &'a str,
    pub(super) addresses: &'a [&'a str],
}

/// Joins them by a veth pair, both ends up.
pub(super) fn join(near: End<'_>, far: End<'_>) -> Result<(), NamespaceError> {
    near.namespace.link(near.interface, far.namespace, far.interface, " numrxqueues 1 numtxqueues 1")?;
    for End { namespace, interface, .. } in [near, far] {
        // This has a veth take packets in by NAPI, with XDP or without: it asks whether one end merges segments, and whether
        // the other leaves that to it.
        namespace.call(&format!("ethtool -K {interface} gro on tso off"))?;
    }
    for End { namespace, interface, addresses } in [near, far] {
        namespace.address(interface, addresses)?;
    }
    Ok(())
}
