//! The CONNECT packet of MQTT 3.1.1 and 5: what it says about who is there, and how to have it say another user name.
//!
//! Strict: what the specification forbids is refused here, so that no broker can read a packet in another way than the
//! guard did.

use std::ops::Range;

/// A version of MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stream) enum Version {
    /// 3.1.1.
    V311,
    /// 5.0.
    V5,
}

/// Why a packet is no CONNECT that may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::stream) enum Malformed {
    /// The first packet is another, or this is not MQTT.
    #[error("the first packet is no CONNECT")]
    NotConnect,
    /// Another version than 3.1.1 and 5.
    #[error("MQTT version {0} is not supported")]
    Version(u8),
    /// It breaks the specification.
    #[error("{0}")]
    Packet(&'static str),
}

/// A CONNECT packet, without its fixed header, and where things are in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::stream) struct Connect {
    body: Vec<u8>,
    /// The version that it speaks.
    pub(in crate::stream) version: Version,
    client_id: Range<usize>,
    username: Option<Range<usize>>,
    /// Where a user name is or would be, with its length in front.
    username_field: Range<usize>,
}

/// The type of CONNECT and its flags, all reserved: the first octet of the fixed header.
pub(super) const CONNECT: u8 = 0x10;
/// Octets of a CONNECT's body that tell its version: the protocol's name, and its level.
pub(in crate::stream) const VERSION_LENGTH: usize = 7;
/// Where the connect flags are, behind the level.
const FLAGS: usize = VERSION_LENGTH;
/// The largest remaining length (MQTT 5, 1.5.5).
const MAX_LENGTH: usize = 268_435_455;

const USERNAME_FLAG: u8 = 0x80;
const PASSWORD_FLAG: u8 = 0x40;
const WILL_RETAIN_FLAG: u8 = 0x20;
const WILL_QOS: u8 = 0x18;
const WILL_FLAG: u8 = 0x04;
const RESERVED_FLAG: u8 = 0x01;

/// The version of a CONNECT, from the first octets of its body.
///
/// # Errors
/// [`Malformed`] when it is not MQTT, or a version that is not supported.
pub(in crate::stream) fn version(body: &[u8]) -> Result<Version, Malformed> {
    match body {
        [0, 4, b'M', b'Q', b'T', b'T', 4, ..] => Ok(Version::V311),
        [0, 4, b'M', b'Q', b'T', b'T', 5, ..] => Ok(Version::V5),
        [0, 4, b'M', b'Q', b'T', b'T', level, ..] => Err(Malformed::Version(*level)),
        [0, 6, b'M', b'Q', b'I', b's', b'd', ..] => Err(Malformed::Version(3)),
        _ => Err(Malformed::NotConnect),
    }
}

impl Connect {
    /// Parses the body of a CONNECT, all that comes behind its fixed header.
    ///
    /// # Errors
    /// [`Malformed`].
    pub(in crate::stream) fn parse(body: Vec<u8>) -> Result<Self, Malformed> {
        let version = version(&body)?;
        let mut reader = Reader { body: &body, at: FLAGS };
        let flags = reader.octet()?;
        check_flags(flags, version)?;
        reader.skip(size_of::<u16>())?; // keep alive
        reader.properties(version)?;
        let client_id = reader.text()?;
        if flags & WILL_FLAG != 0 {
            reader.properties(version)?;
            reader.text()?; // topic
            reader.field()?; // payload
        }
        let start = reader.at;
        let username = (flags & USERNAME_FLAG != 0).then(|| reader.text()).transpose()?;
        let username_field = start..reader.at;
        if flags & PASSWORD_FLAG != 0 {
            reader.field()?;
        }
        if reader.at != body.len() {
            return Err(Malformed::Packet("there is more behind its last field"));
        }
        Ok(Self { body, version, client_id, username, username_field })
    }

    /// The client identifier; empty where the broker is to choose one.
    pub(in crate::stream) fn client_id(&self) -> &str {
        self.text(&self.client_id)
    }

    /// The user name, where there is one.
    pub(in crate::stream) fn username(&self) -> Option<&str> {
        self.username.as_ref().map(|range| self.text(range))
    }

    fn text(&self, range: &Range<usize>) -> &str {
        let octets = self.body.get(range.clone()).unwrap_or_default();
        // Checked when it was parsed.
        std::str::from_utf8(octets).unwrap_or_default()
    }

    /// The same with this user name instead of its own, or of none.
    ///
    /// # Errors
    /// When the name cannot be one in MQTT.
    pub(in crate::stream) fn with_username(&self, name: &str) -> Result<Self, Malformed> {
        let length = u16::try_from(name.len()).map_err(|_| Malformed::Packet("the user name is too long"))?;
        let mut body = self.body.clone();
        let field = length.to_be_bytes().into_iter().chain(name.bytes());
        drop(body.splice(self.username_field.clone(), field));
        if let Some(flags) = body.get_mut(FLAGS) {
            *flags |= USERNAME_FLAG;
        }
        Self::parse(body)
    }

    /// The whole packet.
    pub(in crate::stream) fn into_packet(self) -> Vec<u8> {
        let mut packet = vec![CONNECT];
        packet.extend(length_octets(self.body.len()));
        packet.extend(self.body);
        packet
    }
}

fn check_flags(flags: u8, version: Version) -> Result<(), Malformed> {
    let is = |flag| flags & flag != 0;
    if is(RESERVED_FLAG) {
        return Err(Malformed::Packet("its reserved flag is set"));
    }
    if flags & WILL_QOS == WILL_QOS || (!is(WILL_FLAG) && is(WILL_QOS | WILL_RETAIN_FLAG)) {
        return Err(Malformed::Packet("the flags of its will contradict each other"));
    }
    if version == Version::V311 && is(PASSWORD_FLAG) && !is(USERNAME_FLAG) {
        return Err(Malformed::Packet("it has a password and no user name"));
    }
    Ok(())
}

/// A remaining length as the fixed header has it.
pub(super) fn length_octets(length: usize) -> impl Iterator<Item = u8> {
    let mut rest = Some(length.min(MAX_LENGTH));
    std::iter::from_fn(move || {
        let value = rest?;
        let low = u8::try_from(value % 128).unwrap_or_default();
        rest = (value >= 128).then_some(value / 128);
        Some(if rest.is_some() { low | 0x80 } else { low })
    })
}

/// Reads a variable byte integer octet by octet (MQTT 5, 1.5.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Length {
    value: usize,
    octets: u32,
}

impl Length {
    /// Octets so far.
    pub(super) fn octets(self) -> usize {
        self.octets as usize
    }

    /// The next octet; the value when it was the last.
    ///
    /// # Errors
    /// [`Malformed`] beyond four octets, or where fewer would have done.
    pub(super) fn push(&mut self, octet: u8) -> Result<Option<usize>, Malformed> {
        self.value |= usize::from(octet & 0x7f) << (7 * self.octets);
        self.octets += 1;
        match octet {
            0 if self.octets > 1 => Err(Malformed::Packet("a length is longer than it has to be")),
            0x80.. if self.octets == 4 => Err(Malformed::Packet("a length has more than four octets")),
            0x80.. => Ok(None),
            _ => Ok(Some(self.value)),
        }
    }
}

/// Reads the fields of a body.
struct Reader<'a> {
    body: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn skip(&mut self, count: usize) -> Result<Range<usize>, Malformed> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.body.len());
        let end = end.ok_or(Malformed::Packet("a field is longer than the packet"))?;
        let range = self.at..end;
        self.at = end;
        Ok(range)
    }

    fn octets(&mut self, count: usize) -> Result<&[u8], Malformed> {
        let range = self.skip(count)?;
        Ok(self.body.get(range).unwrap_or_default())
    }

    fn octet(&mut self) -> Result<u8, Malformed> {
        Ok(self.octets(1)?.first().copied().unwrap_or_default())
    }

    /// Two octets of length, and what they are the length of.
    fn field(&mut self) -> Result<Range<usize>, Malformed> {
        let length =
            self.octets(size_of::<u16>())?.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet));
        self.skip(length)
    }

    /// A field of text without U+0000 (MQTT 5, 1.5.4).
    fn text(&mut self) -> Result<Range<usize>, Malformed> {
        let range = self.field()?;
        let text = std::str::from_utf8(self.body.get(range.clone()).unwrap_or_default());
        match text {
            Ok(text) if !text.contains('\0') => Ok(range),
            _ => Err(Malformed::Packet("a text is not UTF-8, or has U+0000 in it")),
        }
    }

    /// The properties of version 5, unread.
    fn properties(&mut self, of: Version) -> Result<(), Malformed> {
        if of == Version::V311 {
            return Ok(());
        }
        let mut length = Length::default();
        let length = loop {
            if let Some(length) = length.push(self.octet()?)? {
                break length;
            }
        };
        self.skip(length).map(drop)
    }
}

#[cfg(test)]
mod tests;
