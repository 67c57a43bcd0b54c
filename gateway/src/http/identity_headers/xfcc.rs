//! `X-Forwarded-Client-Cert` as Envoy writes it.

use crate::device::identity::{AlternativeName, Identity};

/// The one element that this hop adds: the hash, the subject, and the names of the kinds that Envoy knows.
pub(super) fn element(identity: &Identity) -> String {
    let mut element =
        format!("Hash={};Subject={}", identity.fingerprint.hex(), quoted(&identity.subject.rfc2253));
    for name in &identity.alternative_names {
        let (key, value) = match name {
            AlternativeName::Uri(uri) => ("URI", uri),
            AlternativeName::Dns(name) => ("DNS", name),
            AlternativeName::Email(_) | AlternativeName::Ip(_) => continue,
        };
        let value = if is_plain(value) { value.to_string() } else { quoted(value) };
        element.extend([";", key, "=", &value]);
    }
    element
}

/// Whether nothing in a value is taken for the end of it.
fn is_plain(value: &str) -> bool {
    !value.is_empty() && !value.contains([',', ';', '=', '"', '\\'])
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}
