//! What a certificate is for, and for how long.

use std::time::Duration;

use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};
use time::OffsetDateTime;

/// How far a new certificate's beginning lies back: clocks differ a little.
pub const BACKDATE: Duration = Duration::from_mins(5);

const DAY: Duration = Duration::from_hours(24);

/// What a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The key usage extension; none when empty.
    pub key_usages: Vec<KeyUsagePurpose>,
    /// The extended key usage extension; none when empty.
    pub purposes: Vec<ExtendedKeyUsagePurpose>,
    /// Whether it is a CA's.
    pub ca: Option<PathLength>,
    /// When it begins and ends.
    pub validity: Validity,
    /// Where the CRL is that would list it.
    pub crl_url: Option<String>,
    /// Where to ask by OCSP.
    pub ocsp_url: Option<String>,
    /// Where its issuer's certificate is.
    pub issuer_urls: Vec<String>,
    /// Whether an OCSP responder's certificate is not to be looked up itself.
    pub ocsp_no_check: bool,
}

/// How many CAs may stand between a CA and a device; without a number, any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathLength(pub Option<u8>);

/// From when to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub not_before: OffsetDateTime,
    /// The last one.
    pub not_after: OffsetDateTime,
}

impl Validity {
    /// What certificates of roots, intermediates, servers and devices last unless somebody says otherwise.
    pub const ROOT: Duration = DAY.saturating_mul(3650);
    /// Half of the root's.
    pub const INTERMEDIATE: Duration = DAY.saturating_mul(1825);
    /// The longest that browsers take.
    pub const SERVER: Duration = DAY.saturating_mul(397);
    /// The product document's 8760 hours.
    pub const DEVICE: Duration = DAY.saturating_mul(365);

    /// From `backdate` before `now`, which is cut to its minute, for as long as `life`. What lies beyond the year 9999 becomes
    /// its end, which means no end (RFC 5280, 4.1.2.5).
    pub fn from(now: OffsetDateTime, backdate: Duration, life: Duration) -> Self {
        let minute = now.replace_nanosecond(0).and_then(|now| now.replace_second(0)).unwrap_or(now);
        let not_before = minute.checked_sub(signed(backdate)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let end = OffsetDateTime::from_unix_timestamp(END).unwrap_or(not_before);
        let not_after = not_before.checked_add(signed(life)).map_or(end, |not_after| not_after.min(end));
        Self { not_before, not_after }
    }

    /// From a little before now.
    pub fn starting(now: OffsetDateTime, life: Duration) -> Self {
        Self::from(now, BACKDATE, life)
    }
}

/// The last second of the year 9999.
const END: i64 = 253_402_300_799;

fn signed(duration: Duration) -> time::Duration {
    time::Duration::try_from(duration).unwrap_or(time::Duration::MAX)
}

impl Profile {
    fn new(key_usages: &[KeyUsagePurpose], purposes: &[ExtendedKeyUsagePurpose], validity: Validity) -> Self {
        Self {
            key_usages: key_usages.to_vec(),
            purposes: purposes.to_vec(),
            ca: None,
            validity,
            crl_url: None,
            ocsp_url: None,
            issuer_urls: Vec::new(),
            ocsp_no_check: false,
        }
    }

    /// A CA, a root or one below another: it signs certificates and CRLs.
    pub fn ca(path_length: PathLength, validity: Validity) -> Self {
        let usages = [KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self { ca: Some(path_length), ..Self::new(&usages, &[], validity) }
    }

    /// A server.
    pub fn server(validity: Validity) -> Self {
        Self::new(&[KeyUsagePurpose::DigitalSignature], &[ExtendedKeyUsagePurpose::ServerAuth], validity)
    }

    /// A device.
    pub fn device(validity: Validity) -> Self {
        Self::new(&[KeyUsagePurpose::DigitalSignature], &[ExtendedKeyUsagePurpose::ClientAuth], validity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_begins_with_a_minute_a_little_ago() {
        let now = OffsetDateTime::from_unix_timestamp(1_700_000_059).unwrap();
        let Validity { not_before, not_after } = Validity::starting(now, Validity::DEVICE);
        assert_eq!(not_before.unix_timestamp(), 1_699_999_740);
        assert_eq!(not_after - not_before, time::Duration::days(365));
    }

    #[test]
    fn what_lasts_beyond_all_years_has_no_end() {
        let validity = Validity::starting(OffsetDateTime::UNIX_EPOCH, Duration::MAX);
        assert_eq!(validity.not_after.unix_timestamp(), END);
    }
}
