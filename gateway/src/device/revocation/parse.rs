//! A CRL as its bytes say it, before anybody believes it.

use std::cmp::Ordering;
use std::fmt;

use super::der::{self, DerError, INTEGER, Reader, SEQUENCE};
use super::entry::{Entries, Version};
use super::extension::CrlExtensions;
use super::name;
use super::scope::Scope;
use super::serial::{Serial, SerialError};
use super::signed::Signed;
use super::time;

/// A CRL that is well-formed and of a kind that Fleetgate can apply. Its signature is yet to be checked.
#[derive(Debug)]
pub struct ParsedCrl<'a> {
    /// What is signed.
    pub signed: &'a [u8],
    /// The content of the `AlgorithmIdentifier` that it is signed with.
    pub algorithm: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
    /// The DER of the issuer's name.
    pub issuer: &'a [u8],
    /// When it was made, in seconds since the epoch.
    pub this_update: u64,
    /// When the next one is due, in seconds since the epoch.
    pub next_update: Option<u64>,
    /// Its number in the CA's sequence.
    pub number: Option<CrlNumber>,
    /// The id of the key that signed it.
    pub authority_key_id: Option<&'a [u8]>,
    /// The kind of certificate that it speaks of.
    pub scope: Scope,
    /// The DER of the distribution point's name, where the CA splits its list.
    pub shard: Option<&'a [u8]>,
    /// How many entries it has.
    pub length: usize,
    entries: Entries<'a>,
}

/// A CRL's number in its CA's sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CrlNumber(Serial);

/// Why bytes are no CRL that Fleetgate can apply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It names one signature algorithm inside and another outside of what is signed.
    #[error(
        "the CRL names two different signature algorithms: it was tampered with or damaged; fetch it again"
    )]
    AlgorithmsDiffer,
    /// It lists attribute certificates, which no device has.
    #[error(
        "the CRL is for attribute certificates (onlyContainsAttributeCerts); configure the CA's CRL for certificates"
    )]
    AttributeCertificates,
    /// An entry has a critical extension that nobody here understands.
    #[error(
        "the entry of {serial} has a critical extension that is not supported ({oid}): have the CA leave it out"
    )]
    CriticalEntryExtension {
        /// Which extension.
        oid: String,
        /// Whose entry.
        serial: Serial,
    },
    /// It has a critical extension that nobody here understands.
    #[error("the CRL has a critical extension that is not supported ({oid}): have the CA leave it out")]
    CriticalExtension {
        /// Which extension.
        oid: String,
    },
    /// It only says what changed since another CRL.
    #[error("this is a delta CRL (deltaCRLIndicator), which is not applied; configure the CA's full CRL")]
    Delta,
    /// An extension comes twice.
    #[error("the extension {oid} comes twice: the CRL is not valid; report it to the CA")]
    DuplicateExtension {
        /// Which extension.
        oid: String,
    },
    /// Extensions in a CRL that says it is of version 1, which has none.
    #[error("the CRL has extensions but is of version 1, which has none: report it to the CA")]
    ExtensionsInV1,
    /// It speaks of certificates of other CAs.
    #[error(
        "this is an indirect CRL (indirectCRL or certificateIssuer), which is not applied; configure each CA's own CRL"
    )]
    Indirect,
    /// The encoding is damaged.
    #[error("the CRL is not valid DER, in {place}: {error}")]
    Malformed {
        /// The field that is damaged.
        place: &'static str,
        /// What is wrong with it.
        error: DerError,
    },
    /// Only for certificates of devices and only for certificates of CAs: for none.
    #[error(
        "the CRL is only for certificates of devices and only for those of CAs, so for none: report it to the CA"
    )]
    NoScope,
    /// An entry that takes a certificate off another list.
    #[error(
        "the entry of {serial} says removeFromCRL, which only delta CRLs may; configure the CA's full CRL"
    )]
    RemoveFromCrl {
        /// Whose entry.
        serial: Serial,
    },
    /// A serial or CRL number that is not one.
    #[error("the CRL has a number that is not supported: {0}")]
    Serial(#[from] SerialError),
    /// It is one of several, each for other reasons.
    #[error(
        "the CRL is only for some reasons (onlySomeReasons), which is not applied; configure the CA's CRL for all reasons"
    )]
    SomeReasons,
    /// Larger than is allowed.
    #[error(
        "the CRL has {octets} octets, more than the {most} that are allowed; raise the limit or split the CRL"
    )]
    TooLarge {
        /// How large it is.
        octets: usize,
        /// How large it may be.
        most: usize,
    },
    /// More extensions than any CRL needs.
    #[error("the CRL or one of its entries has more than {most} extensions; have the CA leave some out")]
    TooManyExtensions {
        /// How many it may have.
        most: usize,
    },
    /// Neither version 1 nor 2.
    #[error("the CRL is of an unknown version; only 1 and 2 exist")]
    Version,
}

impl ParseError {
    /// Says where an encoding is damaged.
    pub(super) const fn within(place: &'static str) -> impl Fn(DerError) -> Self + Copy {
        move |error| Self::Malformed { place, error }
    }
}

impl<'a> ParsedCrl<'a> {
    /// Reads DER, and all of its entries. It allocates nothing, and takes as long as it takes to look at each octet.
    pub fn parse(der: &'a [u8], most: usize) -> Result<Self, ParseError> {
        if der.len() > most {
            return Err(ParseError::TooLarge { octets: der.len(), most });
        }
        let Signed { content, algorithm, signature } = Signed::read(der)?;
        Self::read(content, algorithm, signature)
    }

    /// The issuer, for people.
    pub fn issuer_name(&self) -> String {
        name::display(self.issuer)
    }

    /// The entries, in its order.
    pub fn entries(&self) -> Entries<'a> {
        self.entries.clone()
    }

    fn read(signed: der::Element<'a>, algorithm: &'a [u8], signature: &'a [u8]) -> Result<Self, ParseError> {
        let mut fields = Reader::new(signed.content);
        let malformed = ParseError::within("the list");
        let version = version(&mut fields)?;
        if fields.expect(SEQUENCE).map_err(malformed)?.content != algorithm {
            return Err(ParseError::AlgorithmsDiffer);
        }
        let issuer = fields.expect(SEQUENCE).map_err(ParseError::within("the issuer"))?.raw;
        let this_update = time::read(&mut fields).map_err(ParseError::within("thisUpdate"))?;
        let next_update = time::follows(&fields).then(|| time::read(&mut fields));
        let next_update = next_update.transpose().map_err(ParseError::within("nextUpdate"))?;
        // Without entries the sequence should be absent; some CAs leave it empty instead.
        let entries =
            fields.optional(SEQUENCE).map_err(malformed)?.map_or(&[][..], |element| element.content);
        let entries = Entries::new(entries, version);
        let extensions = extensions(&mut fields, version)?;
        fields.finish().map_err(malformed)?;
        let length = entries.clone().check()?;
        let CrlExtensions { number, authority_key_id, scope, shard } = extensions;
        let signed = signed.raw;
        Ok(Self {
            signed,
            algorithm,
            signature,
            issuer,
            this_update,
            next_update,
            number,
            authority_key_id,
            scope,
            shard,
            length,
            entries,
        })
    }
}

fn version(fields: &mut Reader<'_>) -> Result<Version, ParseError> {
    match fields.optional(INTEGER).map_err(ParseError::within("the version"))?.map(|element| element.content)
    {
        None => Ok(Version::V1),
        Some([1]) => Ok(Version::V2),
        Some(_) => Err(ParseError::Version),
    }
}

fn extensions<'a>(fields: &mut Reader<'a>, version: Version) -> Result<CrlExtensions<'a>, ParseError> {
    let malformed = ParseError::within("the extensions");
    match fields.optional(der::constructed(0)).map_err(malformed)? {
        None => Ok(CrlExtensions::default()),
        Some(_) if version == Version::V1 => Err(ParseError::ExtensionsInV1),
        Some(tagged) => CrlExtensions::read(der::only(tagged.content, SEQUENCE).map_err(malformed)?.content),
    }
}

impl CrlNumber {
    pub(super) fn read(value: &[u8]) -> Result<Self, ParseError> {
        let malformed = ParseError::within("the CRL number");
        let number = Serial::new(der::only(value, INTEGER).map_err(malformed)?.content)?;
        if number.is_negative() { Err(malformed(DerError::Integer)) } else { Ok(Self(number)) }
    }
}

impl From<Serial> for CrlNumber {
    fn from(number: Serial) -> Self {
        Self(number)
    }
}

impl From<CrlNumber> for Serial {
    fn from(CrlNumber(number): CrlNumber) -> Self {
        number
    }
}

impl PartialOrd for CrlNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CrlNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        // Without leading zeros, the longer one is the greater.
        let key = |number: &Self| number.0.octets().len();
        key(self).cmp(&key(other)).then_with(|| self.0.octets().cmp(other.0.octets()))
    }
}

impl fmt::Display for CrlNumber {
    /// In decimal, as `openssl crl -text` prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.decimal().unwrap_or_default())
    }
}
