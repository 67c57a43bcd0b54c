//! Resources and their validation: what an operator declares, parsed once into types that cannot be wrong.

pub mod alert;
pub mod application;
pub mod ca;
pub mod cors;
pub mod country;
pub mod destination;
pub mod domain;
pub mod duration;
pub mod forwarding;
pub mod hex;
pub mod hostname;
pub mod id;
pub mod issuer;
pub mod kind;
pub mod limit;
pub mod origin;
pub mod path;
pub mod path_pattern;
pub mod policy;
pub mod record_id;
pub mod rule;
pub mod selector;
pub mod service_token;
pub mod suite_order;
pub mod tls_record;
pub mod upgrade;
