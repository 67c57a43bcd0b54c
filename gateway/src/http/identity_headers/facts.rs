//! The facts about a certificate, as texts.

use time::OffsetDateTime;
use time::format_description::StaticFormatDescription;
use time::macros::format_description;

use super::rfc9440;
use crate::device::Device;
use crate::device::refusal::Refusal;
use crate::device::trust::Verified;
use crate::model::forwarding::CertField;

/// As OpenSSL prints a date.
const DATE: StaticFormatDescription =
    format_description!("[month repr:short] [day padding:space] [hour]:[minute]:[second] [year] GMT");

/// A fact, or nothing where there is none to be told: of a certificate that did not verify only that, and why.
pub(super) fn value(field: CertField, device: &Device) -> String {
    let digit = |is: bool| if is { "1" } else { "0" }.to_owned();
    match (field, device) {
        (CertField::Presented, _) => digit(!matches!(device, Device::Absent)),
        (CertField::Revoked, _) => digit(is_revoked(device)),
        (CertField::Verified, Device::Absent) => "NONE".to_owned(),
        (CertField::Verified, Device::Verified(_)) => "SUCCESS".to_owned(),
        (CertField::Verified, Device::Refused(refused)) => format!("FAILED:{}", refused.reason.openssl()),
        (_, Device::Verified(verified)) => told(field, verified),
        (_, Device::Absent | Device::Refused(_)) => String::new(),
    }
}

fn is_revoked(device: &Device) -> bool {
    matches!(device, Device::Refused(refused) if matches!(refused.reason, Refusal::Revoked | Refusal::DeniedLocally))
}

fn told(field: CertField, verified: &Verified) -> String {
    let identity = &verified.identity;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    match field {
        // Answered above.
        CertField::Presented | CertField::Revoked | CertField::Verified => String::new(),
        CertField::IssuerDn | CertField::IssuerDnRfc2253 => identity.issuer.rfc2253.to_string(),
        CertField::SubjectDn | CertField::SubjectDnRfc2253 => identity.subject.rfc2253.to_string(),
        CertField::IssuerDnLegacy => identity.issuer.legacy.to_string(),
        CertField::SubjectDnLegacy => identity.subject.legacy.to_string(),
        CertField::CommonName => text(identity.common_name.as_deref()),
        CertField::Serial => identity.serial.clone(),
        CertField::IssuerSerial => verified.issuer_serial.to_string(),
        CertField::FingerprintSha256 => identity.fingerprint.hex(),
        CertField::FingerprintSha1 => identity.sha1_hex(),
        CertField::NotBefore => date(identity.not_before),
        CertField::NotAfter => date(identity.not_after),
        CertField::Ski => text(identity.key_id.as_deref()),
        CertField::IssuerSki => text(identity.issuer_key_id.as_deref()),
        CertField::Rfc9440 => rfc9440::certificate(verified).unwrap_or_default(),
        CertField::ChainRfc9440 => rfc9440::chain(verified).unwrap_or_default(),
    }
}

/// A date without a place in the calendar is told as nothing.
fn date(seconds: u64) -> String {
    let time =
        i64::try_from(seconds).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    time.and_then(|time| time.format(DATE).ok()).unwrap_or_default()
}
