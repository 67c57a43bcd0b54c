//! Distribution points as names to compare: where a certificate says that its CRL is, and where a CRL says that it is
//! (RFC 5280, 4.2.1.13 and 5.2.5).

use aws_lc_rs::digest;

use super::der::{self, DerError, Reader, SEQUENCE};

/// Names that a certificate's distribution points are compared by; what is beyond is not.
const MOST: usize = 32;

/// What stands for a name. The CA alone chooses names, so that nobody gains by one that reads like another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PointName(u64);

/// The names of a certificate's distribution points. Most certificates have none or one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Points(Box<[PointName]>);

impl PointName {
    fn of(name: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, name);
        let octets = digest.as_ref().first_chunk().copied().unwrap_or_default();
        Self(u64::from_be_bytes(octets))
    }
}

impl Points {
    /// From the content of the extension `cRLDistributionPoints`. What cannot be read matches no CRL.
    pub(super) fn read(value: &[u8]) -> Self {
        let mut names = Vec::new();
        // A CA that writes one point wrongly may have written the others right.
        let _ = read(value, &mut names);
        Self(names.into())
    }

    /// Each of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = PointName> {
        self.0.iter().copied()
    }

    /// Of these URIs, one point each.
    #[cfg(test)]
    pub(super) fn at(uris: &[&str]) -> Self {
        let name = |uri: &&str| PointName::of(&super::tests::uri(uri));
        Self(uris.iter().map(name).collect())
    }
}

fn read(value: &[u8], names: &mut Vec<PointName>) -> Result<(), DerError> {
    let mut points = Reader::new(der::only(value, SEQUENCE)?.content);
    while !points.is_empty() {
        let mut fields = Reader::new(points.expect(SEQUENCE)?.content);
        let name = fields.optional(der::constructed(0))?;
        fields.optional(der::context(1))?;
        // The list there is another issuer's: an indirect one.
        let elsewhere = fields.optional(der::constructed(2))?.is_some();
        if let Some(name) = name.filter(|_| !elsewhere) {
            names.extend(names_of(name.content)?);
        }
        if names.len() > MOST {
            names.truncate(MOST);
            return Ok(());
        }
    }
    Ok(())
}

/// The names in the DER of a `DistributionPointName`: any of them names the point. One that is relative to the issuer's is
/// compared as it is written.
pub(super) fn names_of(name: &[u8]) -> Result<Vec<PointName>, DerError> {
    let mut reader = Reader::new(name);
    let choice = reader.any()?;
    reader.finish()?;
    if choice.tag != der::constructed(0) {
        return Ok(vec![PointName::of(choice.raw)]);
    }
    let mut names = Vec::new();
    let mut reader = Reader::new(choice.content);
    while !reader.is_empty() {
        names.push(PointName::of(reader.any()?.raw));
    }
    Ok(names)
}
