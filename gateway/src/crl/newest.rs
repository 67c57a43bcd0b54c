//! The newest list that was accepted of each CA, remembered over restarts: nobody can put an older one back by stopping the
//! gateway first.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::{Authority, subject};
use crate::device::revocation::{Crl, Edition, IssuerId, RevocationIndex, Serial, StaleCrl};
use crate::state;

/// The name of the file in `state_dir`.
const FILE: &str = "newest.json";
/// Of the file's format.
const VERSION: u32 = 1;

/// Why it is not known which lists were newest.
#[derive(Debug, thiserror::Error)]
pub(super) enum NewestError {
    #[error("cannot read {}, which says which CRLs were the newest: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },
    #[error("{} is damaged: {problem}", path.display())]
    Damaged { path: PathBuf, problem: String },
}

/// The newest lists, by what they are about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Newest(BTreeMap<String, Seen>);

/// Of what is about the same certificates, the newest.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    issuer: IssuerId,
    /// The CA's name, for people.
    name: String,
    edition: Edition,
}

/// What no list that is loaded may be older than.
#[derive(Debug, Default)]
pub(super) struct Bar {
    pub(super) index: Arc<RevocationIndex>,
    pub(super) newest: Arc<Newest>,
}

impl Bar {
    /// Whether none of `crls` is older than what is in force or was accepted before.
    pub(super) fn accepts(&self, crls: &[Arc<Crl>]) -> Result<(), StaleCrl> {
        crls.iter().try_for_each(|crl| {
            self.index.accepts(crl)?;
            self.newest.accepts(crl)
        })
    }
}

impl Newest {
    /// What an earlier gateway remembered in `state_dir`.
    pub(super) fn read(state_dir: Option<&Path>) -> Result<Self, NewestError> {
        let Some(path) = state_dir.map(|dir| dir.join(FILE)) else { return Ok(Self::default()) };
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(NewestError::Read { path, error }),
        };
        Self::parse(&text).map_err(|problem| NewestError::Damaged { path, problem })
    }

    /// Replaces what is remembered in `state_dir`.
    pub(super) fn write(&self, state_dir: &Path) -> io::Result<()> {
        let newest = self.0.iter().map(|(subject, seen)| Line {
            subject: subject.clone(),
            issuer: seen.issuer.to_string(),
            name: seen.name.clone(),
            number: seen.edition.number.map(|number| number.to_string()),
            this_update: seen.edition.this_update,
        });
        let mut text = serde_json::to_vec_pretty(&Content { version: VERSION, newest: newest.collect() })?;
        text.push(b'\n');
        state::replace(&state_dir.join(FILE), &text)
    }

    /// Takes in what is in force.
    pub(super) fn add<'a>(&mut self, crls: impl IntoIterator<Item = &'a Arc<Crl>>) {
        for crl in crls {
            let new = Seen { issuer: crl.issuer, name: crl.issuer_name.clone(), edition: crl.edition() };
            let seen = self.0.entry(subject::digest_of(crl)).or_insert_with(|| new.clone());
            if new.edition.age(&seen.edition) == Ordering::Greater {
                *seen = new;
            }
        }
    }

    /// Forgets the lists of a CA.
    pub(super) fn forget(&mut self, authority: &Authority) {
        self.0.retain(|_, seen| !authority.has(&seen.issuer));
    }

    /// Forgets the lists of all other CAs, so that there is an end to what is remembered.
    pub(super) fn retain(&mut self, authorities: &[Arc<Authority>]) {
        self.0.retain(|_, seen| authorities.iter().any(|authority| authority.has(&seen.issuer)));
    }

    fn accepts(&self, crl: &Crl) -> Result<(), StaleCrl> {
        match self.0.get(&subject::digest_of(crl)) {
            Some(seen) if crl.edition().age(&seen.edition) == Ordering::Less => Err(StaleCrl {
                issuer: crl.issuer_name.clone(),
                refused: crl.edition().to_string(),
                newest: seen.edition.to_string(),
            }),
            _ => Ok(()),
        }
    }

    fn parse(text: &[u8]) -> Result<Self, String> {
        let content: Content = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if content.version != VERSION {
            return Err(format!("it is of version {}, and this gateway reads {VERSION}", content.version));
        }
        let seen = |line: Line| {
            let issuer = line.issuer.parse().map_err(|_| "an issuer is none".to_owned())?;
            let number = line.number.map(|text| Serial::from_decimal(&text).map(Into::into)).transpose();
            let number = number.map_err(|error| error.to_string())?;
            let edition = Edition { number, this_update: line.this_update };
            Ok((line.subject, Seen { issuer, name: line.name, edition }))
        };
        content.newest.into_iter().map(seen).collect::<Result<_, _>>().map(Self)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    newest: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    subject: String,
    issuer: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    this_update: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest() -> Newest {
        let edition = |number: Option<&str>| Edition {
            number: number.map(|number| Serial::from_decimal(number).unwrap().into()),
            this_update: 7,
        };
        let seen = |octet, edition| Seen {
            issuer: IssuerId::from_octets([octet; 32]),
            name: "CN=A".into(),
            edition,
        };
        let numbers = [Some("340282366920938463463374607431768211456"), None];
        let seen = numbers
            .into_iter()
            .zip(1..)
            .map(|(number, octet)| (octet.to_string(), seen(octet, edition(number))));
        Newest(seen.collect())
    }

    #[test]
    fn what_was_remembered_is_found_again() {
        let folder = tempfile::TempDir::new().unwrap();
        assert_eq!(Newest::read(Some(folder.path())).unwrap(), Newest::default());
        newest().write(folder.path()).unwrap();
        assert_eq!(Newest::read(Some(folder.path())).unwrap(), newest());
    }

    #[test]
    fn a_damaged_file_is_named_and_not_taken_for_an_empty_one() {
        let folder = tempfile::TempDir::new().unwrap();
        let line = |issuer: &str, number: &str| {
            format!(
                "{{\"version\":1,\"newest\":[{{\"subject\":\"a\",\"issuer\":\"{issuer}\",\"name\":\"\",\"number\":\"{number}\",\"this_update\":1}}]}}"
            )
        };
        let hex = "01".repeat(32);
        let damaged = ["", "{}", "{\"version\":2,\"newest\":[]}", &line("xy", "1"), &line(&hex, "0x1")];
        for text in damaged {
            fs::write(folder.path().join(FILE), text).unwrap();
            let error = Newest::read(Some(folder.path())).unwrap_err().to_string();
            assert!(error.contains(FILE), "{text}: {error}");
        }
        fs::write(folder.path().join(FILE), line(&hex, "1")).unwrap();
        Newest::read(Some(folder.path())).unwrap();
    }
}
