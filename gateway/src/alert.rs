//! Alerts before certificates expire: what is due when, to whom, in which shape; sent, and recorded so that each is sent once.

mod book;
mod courier;
mod delivery;
mod desk;
mod document;
mod keeper;
mod mail;
mod message;
mod plan;
mod scene;
mod secret;
mod send;
mod settings;
mod shape;
mod trial;
mod watched;
mod webhook;

pub use book::{Book, BookError};
pub use desk::{Desk, PlannedAlert, Record, record};
pub use document::{DocumentError, Policy, Webhook};
pub use keeper::Keeper;
pub use message::{DISPLAY_NAME, Sender};
pub use send::SendError;
pub use settings::Settings;
pub use trial::Tried;
