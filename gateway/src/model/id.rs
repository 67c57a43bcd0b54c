//! How resources are told apart: ids as the API has them, and the audience tags of applications.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use uuid::Uuid;

use super::hex::{self, Lower};

/// The namespace of ids that are derived from names (RFC 9562, version 5).
const NAMESPACE: Uuid = Uuid::from_u128(0x6f1f_2a5c_8c0b_4f0e_9d53_0f1e_e17a_7e00);

/// What is hashed in front of a domain to give its application's tag.
const AUDIENCE: &[u8] = b"fleetgate application audience\0";

/// A resource's id: a UUID, written with hyphens and in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceId(Uuid);

impl ResourceId {
    /// The id of a resource that has none of its own: the same for the same kind and name, always and everywhere.
    pub fn derived(kind: &str, name: &str) -> Self {
        Self(Uuid::new_v5(&NAMESPACE, format!("{kind}\0{name}").as_bytes()))
    }
}

impl From<[u8; 16]> for ResourceId {
    /// The id that has these random octets, but for those that say so (version 4).
    fn from(random: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(random).into_uuid())
    }
}

/// The text is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id: a UUID, 32 hexadecimal digits with or without hyphens")]
pub struct NotAnId;

impl FromStr for ResourceId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        // The parser would also take braces and `urn:uuid:`.
        let plain = text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if plain { Uuid::try_parse(text).map(Self).map_err(|_| NotAnId) } else { Err(NotAnId) }
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// An application's audience tag (AUD): what its tokens are for. 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Audience([u8; 32]);

impl Audience {
    /// The tag of an application that has none of its own: the same for the same domain, always and everywhere.
    pub fn derived(domain: &str) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(AUDIENCE);
        context.update(domain.as_bytes());
        let mut tag = [0; 32];
        tag.copy_from_slice(context.finish().as_ref());
        Self(tag)
    }
}

/// The text is no audience tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an audience tag: 64 hexadecimal digits")]
pub struct NotAnAudience;

impl FromStr for Audience {
    type Err = NotAnAudience;

    fn from_str(text: &str) -> Result<Self, NotAnAudience> {
        if text.len() != 64 {
            return Err(NotAnAudience);
        }
        hex::parse_digest(text).map(Self).ok_or(NotAnAudience)
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Lower(&self.0).fmt(f)
    }
}

impl fmt::Debug for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Audience({self})")
    }
}

/// How one resource names another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// By its id.
    Id(ResourceId),
    /// By its name.
    Name(Box<str>),
}

impl Reference {
    /// Whether it means the resource with this id and name.
    pub fn means(&self, id: ResourceId, name: &str) -> bool {
        match self {
            Self::Id(wanted) => *wanted == id,
            Self::Name(wanted) => **wanted == *name,
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Origins check the tag, and scripts keep ids: neither may change with a version of ours.
    #[test]
    fn what_is_derived_stays_what_it_is() {
        let id = ResourceId::derived("application", "iot.example.com");
        assert_eq!(id.to_string(), "2afa6e05-81e5-519b-92e3-480ae175f540");
        let tag = Audience::derived("iot.example.com").to_string();
        assert_eq!(tag, "2c2e0278fc35319a78e437f71ccbe1398288d2c46a20cea3c90fb93e5efc2dcf");
        assert_ne!(id, ResourceId::derived("group", "iot.example.com"));
        assert_ne!(tag, Audience::derived("iot.example.com/admin").to_string());
    }

    #[test]
    fn ids_are_read_with_and_without_hyphens_and_written_with() {
        let id: ResourceId = "F174E90AFAFE4643BBBC4A0ED4FC8415".parse().unwrap();
        assert_eq!(id.to_string(), "f174e90a-fafe-4643-bbbc-4a0ed4fc8415");
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in
            ["", "f174", "{f174e90a-fafe-4643-bbbc-4a0ed4fc8415}", "g174e90a-fafe-4643-bbbc-4a0ed4fc8415"]
        {
            assert_eq!(text.parse::<ResourceId>(), Err(NotAnId), "{text}");
        }
    }

    #[test]
    fn an_audience_has_64_digits() {
        let text = "0f".repeat(32);
        assert_eq!(text.parse::<Audience>().unwrap().to_string(), text);
        for text in ["", "0f", &"0g".repeat(32), &"0f".repeat(33), &format!("{}:", "0f".repeat(32))] {
            assert_eq!(text.parse::<Audience>(), Err(NotAnAudience), "{text}");
        }
    }
}
