//! `[host.mqtt]`

use fleetgate_ebpf::gcra::Rate;
use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Spanned, Value};

use super::value::{Limit, at_least, invalid, word};

/// The guard of a host that speaks MQTT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mqtt {
    /// What of the certificate the client identifier must be.
    pub client_id: Option<CertificateField>,
    /// What of the certificate the user name must be, or is made to be.
    pub username: MqttUsername,
    /// Octets of a packet from a device.
    pub max_packet: u32,
    /// How often a device may connect.
    pub connect_rate: Rate,
}

/// What a user name has to do with the certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MqttUsername {
    /// Nothing.
    #[default]
    Any,
    /// It must be this.
    Equals(CertificateField),
    /// It is made to be this, whatever the device says.
    Set(CertificateField),
}

/// Something that a certificate says about its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateField {
    /// Its one common name.
    CommonName,
    /// A subject alternative name: a DNS name.
    Dns,
    /// A subject alternative name: a mail address.
    Email,
    /// A subject alternative name: a URI.
    Uri,
    /// The SHA-256 of its DER, hexadecimal.
    Fingerprint,
    /// Its serial number, hexadecimal.
    Serial,
}

/// A field, or `any`: nothing is asked.
struct Asked(Option<CertificateField>);

/// A field, or `off`: nothing is set.
struct Set(Option<CertificateField>);

impl<'de> Deserialize<'de> for Asked {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        field_or("any", value).map(Self)
    }
}

impl<'de> Deserialize<'de> for Set {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        field_or("off", value).map(Self)
    }
}

fn field_or(none: &str, value: &mut Value<'_>) -> Result<Option<CertificateField>, DeserError> {
    let words = [
        (none, None),
        ("common_name", Some(CertificateField::CommonName)),
        ("dns", Some(CertificateField::Dns)),
        ("email", Some(CertificateField::Email)),
        ("uri", Some(CertificateField::Uri)),
        ("fingerprint", Some(CertificateField::Fingerprint)),
        ("serial", Some(CertificateField::Serial)),
    ];
    word(value, &words)
}

impl Default for Mqtt {
    fn default() -> Self {
        Self {
            client_id: None,
            username: MqttUsername::Any,
            max_packet: 262_144,
            connect_rate: Rate::UNLIMITED,
        }
    }
}

impl<'de> Deserialize<'de> for Mqtt {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let default = Self::default();
        let mut table = TableHelper::new(value)?;
        let client_id = table.optional::<Asked>("client_id").and_then(|asked| asked.0);
        let username = table.optional::<Asked>("username").and_then(|asked| asked.0);
        let set = table.optional_s::<Set>("set_username").unwrap_or(Spanned::new(Set(None)));
        // The least that every broker has to take is less than what is ever sent.
        let max_packet = at_least(&mut table, "max_packet", 128, default.max_packet);
        let connect_rate =
            table.optional::<Limit>("connect_rate").map_or(default.connect_rate, |limit| limit.0);
        if username.is_some() && set.value.0.is_some() {
            let message = "`username` and `set_username` cannot both ask for something".to_owned();
            table.errors.extend(invalid(message, set.span).errors);
        }
        table.finalize(None)?;
        let username = match (username, set.value.0) {
            (_, Some(field)) => MqttUsername::Set(field),
            (Some(field), None) => MqttUsername::Equals(field),
            (None, None) => MqttUsername::Any,
        };
        Ok(Self { client_id, username, max_packet, connect_rate })
    }
}
