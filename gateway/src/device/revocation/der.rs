//! A strict reader of DER, one element at a time: no recursion, no allocation, and no input that panics.

pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const PRINTABLE_STRING: u8 = 0x13;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const UTF8_STRING: u8 = 0x0c;

/// The tag `[number]` of a primitive value.
pub(super) const fn context(number: u8) -> u8 {
    0x80 | number
}

/// The tag `[number]` of a constructed value.
pub(super) const fn constructed(number: u8) -> u8 {
    0xa0 | number
}

/// What is wrong with an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DerError {
    /// A bit string whose length is not a whole number of octets.
    #[error("a bit string has unused bits")]
    BitString,
    /// Neither 0x00 nor 0xff.
    #[error("a boolean is neither 0x00 nor 0xff")]
    Boolean,
    /// An integer that is empty, negative or too long where it may not be.
    #[error("an integer is empty, negative or too long where it may not be")]
    Integer,
    /// Indefinite, not in its shortest form, or beyond 4 GiB.
    #[error("a length is indefinite, not in its shortest form, or beyond 4 GiB")]
    Length,
    /// A tag number above 30, which X.509 does not have.
    #[error("a tag has more than one octet")]
    LongTag,
    /// Not `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`, or no such day or hour.
    #[error("a time is not written as `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`, or there is no such time")]
    Time,
    /// Something follows where nothing may.
    #[error("{octets} octets follow where nothing may")]
    Trailing {
        /// How many.
        octets: usize,
    },
    /// It ends within an element, or where one must follow.
    #[error("it ends too early")]
    Truncated,
    /// Another element than the one that must stand there.
    #[error("tag 0x{found:02x} stands where 0x{expected:02x} must")]
    Unexpected {
        /// The tag that must stand there.
        expected: u8,
        /// The tag that does.
        found: u8,
    },
}

/// One element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    /// Tag, length and content.
    pub(super) raw: &'a [u8],
}

/// Elements that follow each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag of the next element.
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next element, whatever it is.
    pub(super) fn any(&mut self) -> Result<Element<'a>, DerError> {
        let (&tag, rest) = self.rest.split_first().ok_or(DerError::Truncated)?;
        if tag & 0x1f == 0x1f {
            return Err(DerError::LongTag);
        }
        let (length, rest) = length(rest)?;
        let (content, rest) = rest.split_at_checked(length).ok_or(DerError::Truncated)?;
        let (raw, _) = self.rest.split_at_checked(self.rest.len() - rest.len()).ok_or(DerError::Truncated)?;
        self.rest = rest;
        Ok(Element { tag, content, raw })
    }

    /// The next element, which must have this tag.
    pub(super) fn expect(&mut self, expected: u8) -> Result<Element<'a>, DerError> {
        match self.peek() {
            Some(found) if found != expected => Err(DerError::Unexpected { expected, found }),
            _ => self.any(),
        }
    }

    /// The next element, if it has this tag.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, DerError> {
        if self.peek() == Some(tag) { self.any().map(Some) } else { Ok(None) }
    }

    /// Nothing may follow.
    pub(super) fn finish(self) -> Result<(), DerError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DerError::Trailing { octets: self.rest.len() }) }
    }
}

/// A single element that takes up all of `bytes`.
pub(super) fn only(bytes: &[u8], tag: u8) -> Result<Element<'_>, DerError> {
    let mut reader = Reader::new(bytes);
    let element = reader.expect(tag)?;
    reader.finish()?;
    Ok(element)
}

pub(super) fn boolean(content: &[u8]) -> Result<bool, DerError> {
    match content {
        [0] => Ok(false),
        [0xff] => Ok(true),
        _ => Err(DerError::Boolean),
    }
}

/// The octets of a bit string that has no unused bits.
pub(super) fn bits(content: &[u8]) -> Result<&[u8], DerError> {
    match content {
        [0, octets @ ..] => Ok(octets),
        _ => Err(DerError::BitString),
    }
}

fn length(bytes: &[u8]) -> Result<(usize, &[u8]), DerError> {
    let (&first, rest) = bytes.split_first().ok_or(DerError::Truncated)?;
    if first < 0x80 {
        return Ok((usize::from(first), rest));
    }
    let octets = usize::from(first & 0x7f);
    if !(1..=4).contains(&octets) {
        return Err(DerError::Length);
    }
    let (digits, rest) = rest.split_at_checked(octets).ok_or(DerError::Truncated)?;
    let length = digits.iter().fold(0, |length, &digit| (length << 8) | usize::from(digit));
    if length < 0x80 || digits.first() == Some(&0) {
        return Err(DerError::Length);
    }
    Ok((length, rest))
}
