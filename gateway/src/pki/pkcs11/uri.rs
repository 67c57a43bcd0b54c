//! `pkcs11:` URIs (RFC 7512): which token, which of its keys, and what opens it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use cryptoki::slot::{Slot, TokenInfo};
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

/// How such a URI begins.
const SCHEME: &str = "pkcs11:";

/// What a URI says. What it leaves out may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uri {
    token: Option<String>,
    manufacturer: Option<String>,
    model: Option<String>,
    serial: Option<String>,
    slot: Option<u64>,
    /// The key's label.
    pub(super) object: Option<String>,
    /// The key's `CKA_ID`.
    pub(super) id: Option<Vec<u8>>,
    /// What opens the token.
    pub(super) pin: Option<Pin>,
    /// The library.
    pub(super) module_path: Option<PathBuf>,
}

/// Where the PIN is.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Pin {
    /// In the URI.
    Value(Zeroizing<String>),
    /// In a file.
    Source(PathBuf),
}

/// Why a text is no such URI. None of these quotes a PIN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// It begins with something else.
    #[error("a PKCS #11 URI begins with `pkcs11:`, like pkcs11:token=CA;object=root")]
    Scheme,
    /// A part of it is not `NAME=VALUE`.
    #[error("part {0} of the PKCS #11 URI is not NAME=VALUE")]
    Part(usize),
    /// A name that is not known here.
    #[error(
        "`{0}` is not known in a PKCS #11 URI; token, manufacturer, model, serial, slot-id, object, id and type are, and \
         behind `?` pin-source, pin-value and module-path"
    )]
    Unknown(String),
    /// A name that is there twice.
    #[error("`{0}` is in the PKCS #11 URI twice")]
    Twice(String),
    /// A value that its name cannot have.
    #[error("`{name}` in the PKCS #11 URI: {problem}")]
    Value {
        /// Which.
        name: String,
        /// What it should be.
        problem: &'static str,
    },
}

impl Uri {
    /// Whether a text is meant to be one.
    pub fn is_one(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// Whether it says what opens the token.
    pub fn has_pin(&self) -> bool {
        self.pin.is_some()
    }

    /// Whether a token is what it says.
    pub(super) fn is_token(&self, slot: Slot, token: &TokenInfo) -> bool {
        let Self { token: label, manufacturer, model, serial, slot: number, .. } = self;
        let fits =
            |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
        fits(label, token.label())
            && fits(manufacturer, token.manufacturer_id())
            && fits(model, token.model())
            && fits(serial, token.serial_number())
            && number.is_none_or(|number| number == slot.id())
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), UriError> {
        let bad = |problem| UriError::Value { name: name.to_owned(), problem };
        let text = || {
            let text = percent_decode_str(value).decode_utf8().map_err(|_| bad("it is not UTF-8"))?;
            Ok(text.into_owned())
        };
        match name {
            "token" => once(&mut self.token, name, text()?),
            "manufacturer" => once(&mut self.manufacturer, name, text()?),
            "model" => once(&mut self.model, name, text()?),
            "serial" => once(&mut self.serial, name, text()?),
            "object" => once(&mut self.object, name, text()?),
            "slot-id" => {
                let number = value.parse().map_err(|_| bad("it is a number"))?;
                once(&mut self.slot, name, number)
            }
            "id" => once(&mut self.id, name, percent_decode_str(value).collect()),
            "type" if value == "private" => Ok(()),
            "type" => Err(bad("a CA signs with a private key: type=private, or nothing")),
            _ => Err(UriError::Unknown(name.to_owned())),
        }
    }

    fn set_query(&mut self, name: &str, value: &str) -> Result<(), UriError> {
        let bad = |problem| UriError::Value { name: name.to_owned(), problem };
        let text = percent_decode_str(value).decode_utf8().map_err(|_| bad("it is not UTF-8"))?;
        match name {
            "pin-value" => once(&mut self.pin, name, Pin::Value(Zeroizing::new(text.into_owned()))),
            "pin-source" if text.starts_with('|') => Err(bad("programs are not run; name a file")),
            "pin-source" => {
                let path = text.strip_prefix("file://").or_else(|| text.strip_prefix("file:"));
                once(&mut self.pin, name, Pin::Source(path.unwrap_or(&text).into()))
            }
            "module-path" => once(&mut self.module_path, name, PathBuf::from(&*text)),
            _ => Err(UriError::Unknown(name.to_owned())),
        }
    }
}

fn once<T>(place: &mut Option<T>, name: &str, value: T) -> Result<(), UriError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(UriError::Twice(name.to_owned())),
    }
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let rest = text.strip_prefix(SCHEME).ok_or(UriError::Scheme)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut uri = Self::default();
        let parts =
            path.split(';').map(|part| (part, false)).chain(query.split('&').map(|part| (part, true)));
        for (index, (part, is_query)) in parts.enumerate().filter(|(_, (part, _))| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or(UriError::Part(index + 1))?;
            if is_query { uri.set_query(name, value)? } else { uri.set(name, value)? }
        }
        Ok(uri)
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(_) => f.write_str("Value(..)"),
            Self::Source(path) => f.debug_tuple("Source").field(path).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Uri, UriError> {
        text.parse()
    }

    #[test]
    fn a_uri_says_which_token_and_key_and_how_to_open_it() {
        let uri = parse(
            "pkcs11:token=Device%20CA;serial=0a1b;slot-id=7;object=root;id=%01%ff;type=private?pin-source=file:/etc/pin&module-path=/usr/lib/x.so",
        );
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            uri.unwrap(),
            Uri {
                token: text("Device CA"),
                serial: text("0a1b"),
                slot: Some(7),
                object: text("root"),
                id: Some(vec![1, 255]),
                pin: Some(Pin::Source("/etc/pin".into())),
                module_path: Some("/usr/lib/x.so".into()),
                ..Uri::default()
            }
        );
        assert_eq!(parse("pkcs11:"), Ok(Uri::default()));
        assert_eq!(parse("pkcs11:?pin-source=pin.txt").unwrap().pin, Some(Pin::Source("pin.txt".into())));
        assert_eq!(parse("pkcs11:?pin-source=file:///a").unwrap().pin, Some(Pin::Source("/a".into())));
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        assert_eq!(parse("token=a"), Err(UriError::Scheme));
        assert_eq!(parse("pkcs11:token"), Err(UriError::Part(1)));
        for name in ["object-class", "module-name", "pin-source"] {
            assert_eq!(parse(&format!("pkcs11:{name}=x")), Err(UriError::Unknown(name.to_owned())));
        }
        assert_eq!(parse("pkcs11:token=a;token=b"), Err(UriError::Twice("token".to_owned())));
        assert_eq!(parse("pkcs11:?pin-value=1&pin-source=x"), Err(UriError::Twice("pin-source".to_owned())));
        for text in ["type=cert", "slot-id=x", "token=%ff"] {
            assert!(matches!(parse(&format!("pkcs11:{text}")), Err(UriError::Value { .. })), "{text}");
        }
        assert!(matches!(parse("pkcs11:?pin-source=%7Cgetpin"), Err(UriError::Value { .. })));
    }

    #[test]
    fn no_pin_is_shown() {
        let uri = parse("pkcs11:?pin-value=topsecret").unwrap();
        assert!(uri.has_pin() && !format!("{uri:?}").contains("topsecret"));
    }
}
