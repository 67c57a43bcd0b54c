//! A stream's part in what its device may do.

use std::rc::Rc;

use super::mqtt::Refusal;
use super::serve::Context;
use crate::connection::{Connection, State};
use crate::limit::{Seat, Who};

/// A seat, where the host limits its devices.
///
/// # Errors
/// When the device has as many connections as it may have.
pub(super) fn take(
    context: &Context,
    connection: &Connection,
    state: &State,
) -> Result<Option<Rc<Seat>>, Refusal> {
    let limit = &state.host.limit;
    if limit.is_off() {
        return Ok(None);
    }
    let who = Who::of(connection.source, &state.device);
    let seat = context.devices.enter(&state.host.label, who, limit).ok_or(Refusal::Connections)?;
    Ok(Some(Rc::new(seat)))
}
