//! What the API has to know of the file, and of what was decided.

use std::time::Duration;

use super::Control;
use crate::config::ApiLimits;
use crate::model::forwarding::Transform;
use crate::telemetry::recent::Decision;

/// What the API has to know of the file.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// How much is taken.
    pub limits: ApiLimits,
    /// How long a key signs, where the file says so: then nobody else does.
    pub key_rotation: Option<Duration>,
    /// How long it signs where nobody says so.
    pub usual_key_rotation: Duration,
    /// Who issues all tokens, where the file says so: then nobody else does.
    pub team_domain: Option<String>,
    /// Where the managed transform adds its headers, where the file says so: then nobody else does.
    pub managed_transform: Option<Transform>,
}

impl Control {
    /// What the API has to know of the file in force.
    pub fn api_settings(&self) -> ApiSettings {
        let base = self.lock().base.clone();
        let config = &base.config;
        let issuer = config.access.team_domain.as_ref().map(|issuer| issuer.as_str().to_owned());
        ApiSettings {
            limits: config.admin.limit,
            key_rotation: config.access.key_rotation,
            usual_key_rotation: config.access.key_rotation(None),
            team_domain: issuer,
            managed_transform: config.forwarding.managed_transform(),
        }
    }

    /// Octets of a request's body to the API at most.
    pub fn max_api_body(&self) -> usize {
        self.lock().base.config.admin.max_body as usize
    }

    /// The last decisions that denied, or were the first of their connection; the latest comes last.
    pub fn decisions(&self) -> Vec<Decision> {
        self.shared.access_log.recent()
    }
}
