//! What a certificate says, in the words of MQTT.

use std::borrow::Cow;

use crate::config::CertificateField as Field;
use crate::device::identity::{AlternativeName, Identity};

/// Whether `text` is what a certificate has in `field`; of several alternative names, one of them.
pub(super) fn holds(field: Field, identity: &Identity, text: &str) -> bool {
    match field {
        Field::CommonName => identity.common_name.as_deref() == Some(text),
        // Hexadecimal, in either case.
        Field::Fingerprint => identity.fingerprint.hex().eq_ignore_ascii_case(text),
        Field::Serial => identity.serial.eq_ignore_ascii_case(text),
        Field::Dns | Field::Email | Field::Uri => names(field, identity).any(|name| name == text),
    }
}

/// What a certificate has in `field`, where that is one thing: two names are two claims, and neither counts.
pub(super) fn value(field: Field, identity: &Identity) -> Option<Cow<'_, str>> {
    match field {
        Field::CommonName => identity.common_name.as_deref().map(Cow::Borrowed),
        Field::Fingerprint => Some(identity.fingerprint.hex().into()),
        Field::Serial => Some(Cow::Borrowed(&identity.serial)),
        Field::Dns | Field::Email | Field::Uri => {
            let mut names = names(field, identity);
            names.next().filter(|_| names.next().is_none()).map(Cow::Borrowed)
        }
    }
}

fn names(field: Field, identity: &Identity) -> impl Iterator<Item = &str> {
    identity.alternative_names.iter().filter_map(move |name| match (field, name) {
        (Field::Dns, AlternativeName::Dns(name))
        | (Field::Email, AlternativeName::Email(name))
        | (Field::Uri, AlternativeName::Uri(name)) => Some(&**name),
        _ => None,
    })
}
