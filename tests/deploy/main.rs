//! What is shipped beside the binary, and what is written about it: each claim is tried or compared.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod access_page;
mod alert_rules;
mod capabilities;
mod configuration_page;
mod dashboard;
mod forwarding_page;
mod operations_page;
mod package_removal;
mod pki_page;
mod references;
mod registry;
mod repository;
mod service_unit;
mod settings_that_change;
