//! Whether a CONNECT says what the device's certificate says.

use super::connect::Connect;
use super::field;
use super::refusal::{Refusal, Refused};
use crate::config::{Mqtt, MqttUsername};
use crate::device::Device;

/// The CONNECT as the broker is to get it.
///
/// # Errors
/// The refusal.
pub(in crate::stream) fn check(
    connect: Connect,
    settings: &Mqtt,
    device: &Device,
) -> Result<Connect, Refused> {
    let refused = |refusal| Refused { refusal, version: Some(connect.version) };
    let identity = || {
        let verified = device.verified().ok_or(refused(Refusal::Certificate))?;
        Ok::<_, Refused>(&verified.identity)
    };
    if let Some(field) = settings.client_id
        && !field::holds(field, identity()?, connect.client_id())
    {
        return Err(refused(Refusal::ClientId));
    }
    match settings.username {
        MqttUsername::Any => Ok(connect),
        MqttUsername::Equals(field) => {
            let name = connect.username().ok_or(refused(Refusal::Username))?;
            let holds = field::holds(field, identity()?, name);
            if holds { Ok(connect) } else { Err(refused(Refusal::Username)) }
        }
        MqttUsername::Set(field) => {
            let name = field::value(field, identity()?).ok_or(refused(Refusal::Certificate))?;
            connect.with_username(&name).map_err(|_| refused(Refusal::Certificate))
        }
    }
}

#[cfg(test)]
mod tests;
