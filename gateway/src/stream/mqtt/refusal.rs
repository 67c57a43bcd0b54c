//! Why a device may not speak MQTT, and how it is told.

use super::connect::{Malformed, Version};
use super::framing::Offence;

/// Why a CONNECT is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It did not come in time, or the device went away.
    Late,
    /// What came is no CONNECT.
    NotMqtt,
    /// Another version than 3.1.1 and 5.
    Version,
    /// It breaks the specification.
    Malformed,
    /// It, or a packet behind it, is larger than `max_packet`.
    TooLarge,
    /// The client identifier is not what the certificate says.
    ClientId,
    /// The user name is not what the certificate says.
    Username,
    /// The device has no certificate that verified, or nothing in it to compare with.
    Certificate,
    /// The device connects more often than `connect_rate` allows.
    Rate,
    /// The device has as many connections as it may have.
    Connections,
    /// A second CONNECT.
    SecondConnect,
    /// Policy denied it.
    Denied,
    /// The broker cannot be reached.
    NoOrigin,
}

/// A refusal, and the version that the device understands, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stream) struct Refused {
    /// Why.
    pub(in crate::stream) refusal: Refusal,
    /// The version of its answer.
    pub(in crate::stream) version: Option<Version>,
}

impl Refusal {
    /// Those that are the guard's own, for documentation.
    pub const ALL: [Self; 10] = [
        Self::Late,
        Self::NotMqtt,
        Self::Version,
        Self::Malformed,
        Self::TooLarge,
        Self::ClientId,
        Self::Username,
        Self::Certificate,
        Self::Rate,
        Self::SecondConnect,
    ];

    /// The value of the metric label and the log field `reason`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Late => "mqtt_late",
            Self::NotMqtt => "mqtt_not_mqtt",
            Self::Version => "mqtt_version",
            Self::Malformed => "mqtt_malformed",
            Self::TooLarge => "mqtt_too_large",
            Self::ClientId => "mqtt_client_id",
            Self::Username => "mqtt_username",
            Self::Certificate => "mqtt_certificate",
            Self::Rate => "mqtt_rate",
            Self::Connections => "limit_connections",
            Self::SecondConnect => "mqtt_second_connect",
            Self::Denied => "denied",
            Self::NoOrigin => "no_origin",
        }
    }

    /// The return code of a CONNACK in MQTT 3.1.1 (3.2.2.3), where there is one.
    const fn return_code(self) -> Option<u8> {
        match self {
            Self::Version => Some(1),
            Self::ClientId => Some(2),
            Self::Rate | Self::Connections | Self::NoOrigin => Some(3),
            Self::Username => Some(4),
            Self::Certificate | Self::Denied => Some(5),
            Self::Late | Self::NotMqtt | Self::Malformed | Self::TooLarge | Self::SecondConnect => None,
        }
    }

    /// The reason code of a CONNACK or DISCONNECT in MQTT 5 (2.4), where there is one.
    const fn reason_code(self) -> Option<u8> {
        match self {
            Self::Malformed => Some(0x81),
            Self::SecondConnect => Some(0x82),
            Self::Version => Some(0x84),
            Self::ClientId => Some(0x85),
            Self::Username => Some(0x86),
            Self::Certificate | Self::Denied => Some(0x87),
            Self::NoOrigin => Some(0x88),
            Self::TooLarge => Some(0x95),
            // Quota exceeded.
            Self::Connections => Some(0x97),
            Self::Rate => Some(0x9f),
            Self::Late | Self::NotMqtt => None,
        }
    }
}

impl Refused {
    /// The CONNACK that says so, where there is one.
    pub(in crate::stream) fn connack(self) -> Option<Vec<u8>> {
        match self.version? {
            Version::V311 => Some(vec![0x20, 2, 0, self.refusal.return_code()?]),
            // No properties.
            Version::V5 => Some(vec![0x20, 3, 0, self.refusal.reason_code()?, 0]),
        }
    }
}

impl From<Malformed> for Refused {
    fn from(malformed: Malformed) -> Self {
        match malformed {
            Malformed::NotConnect => Self { refusal: Refusal::NotMqtt, version: None },
            // Whoever is older knows no reason codes; whoever is newer hopefully does.
            Malformed::Version(level) => {
                let version = if level < 4 { Version::V311 } else { Version::V5 };
                Self { refusal: Refusal::Version, version: Some(version) }
            }
            Malformed::Packet(_) => Self { refusal: Refusal::Malformed, version: None },
        }
    }
}

impl From<Offence> for Refusal {
    fn from(offence: Offence) -> Self {
        match offence {
            Offence::TooLarge => Self::TooLarge,
            Offence::SecondConnect => Self::SecondConnect,
            Offence::Malformed(_) => Self::Malformed,
        }
    }
}

/// The DISCONNECT that tells a device why; version 3.1.1 has none from a server.
pub(in crate::stream) fn disconnect(refusal: Refusal, version: Version) -> Option<Vec<u8>> {
    match version {
        Version::V311 => None,
        Version::V5 => Some(vec![0xe0, 1, refusal.reason_code()?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_is_answered_in_its_own_way() {
        let connack = |refusal, version| Refused { refusal, version: Some(version) }.connack();
        assert_eq!(connack(Refusal::ClientId, Version::V311), Some(vec![0x20, 2, 0, 2]));
        assert_eq!(connack(Refusal::ClientId, Version::V5), Some(vec![0x20, 3, 0, 0x85, 0]));
        assert_eq!(connack(Refusal::TooLarge, Version::V311), None);
        assert_eq!(Refused::from(Malformed::Version(3)).connack(), Some(vec![0x20, 2, 0, 1]));
        assert_eq!(Refused::from(Malformed::Version(6)).connack(), Some(vec![0x20, 3, 0, 0x84, 0]));
        assert_eq!(Refused::from(Malformed::NotConnect).connack(), None);
        assert_eq!(disconnect(Refusal::TooLarge, Version::V5), Some(vec![0xe0, 1, 0x95]));
        assert_eq!(disconnect(Refusal::TooLarge, Version::V311), None);
    }
}
