//! What operators see: metrics and the access log.

pub mod access_log;
mod counted;
pub mod log;
pub mod metrics;
mod ray_id;
pub mod recent;

pub use access_log::AccessLog;
pub use counted::Counted;
pub use metrics::Metrics;
pub use ray_id::ray_id;
