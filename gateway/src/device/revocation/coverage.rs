//! Which certificates a CA's CRLs speak of, where it splits its list (RFC 5280, 6.3.3 (b)).

use std::collections::HashSet;

use super::index::CertificateId;
use super::points::PointName;
use super::verify::Crl;

/// Which certificates of a CA its CRLs speak of.
#[derive(Clone, Debug, Default)]
pub(super) struct Coverage {
    devices: Shards,
    cas: Shards,
}

/// Of certificates of one kind.
#[derive(Clone, Debug, Default)]
struct Shards {
    /// Whether there is a shard, so that a certificate may be in one that is not there.
    split: bool,
    /// Whether there is a list of all.
    whole: bool,
    /// The names of the shards.
    names: HashSet<PointName>,
}

impl Coverage {
    /// Another CRL of the CA.
    pub(super) fn add(&mut self, crl: &Crl) {
        for (is_ca, shards) in [(false, &mut self.devices), (true, &mut self.cas)] {
            if !crl.scope.covers(is_ca) {
                continue;
            }
            match &crl.shard {
                None => shards.whole = true,
                Some(shard) => {
                    shards.split = true;
                    shards.names.extend(shard.names());
                }
            }
        }
    }

    /// Whether one of them speaks of this certificate. Where the CA has no shard, what it has is all that there is.
    pub(super) fn covers(&self, id: &CertificateId) -> bool {
        let shards = if id.is_ca { &self.cas } else { &self.devices };
        !shards.split || shards.whole || id.points.iter().any(|name| shards.names.contains(&name))
    }
}
