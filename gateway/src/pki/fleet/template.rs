//! What the devices of a fleet are called.

use std::str::FromStr;

/// A name with a number in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    before: String,
    /// The fewest digits.
    width: usize,
    after: String,
}

/// Why a text names no fleet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// All devices would have the same name.
    #[error("`{0}` has no number in it; write {{n}}, or {{n:06}} for six digits, where it is to stand")]
    NoNumber(String),
    /// There is no number of digits after the colon.
    #[error("`{0}`: behind {{n: stands how many digits the number has at least, from 1 to 19, like {{n:06}}")]
    Width(String),
    /// The devices' files are called after them.
    #[error("`{0}` makes no file name: it begins with a dot, or has a slash in it")]
    FileName(String),
}

impl Template {
    /// A device's name.
    pub fn name(&self, number: u64) -> String {
        let Self { before, width, after } = self;
        format!("{before}{number:0width$}{after}")
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let no_number = || TemplateError::NoNumber(text.to_owned());
        let (before, rest) = text.split_once("{n").ok_or_else(no_number)?;
        let (width, after) = rest.split_once('}').ok_or_else(no_number)?;
        let width = match width.strip_prefix(':') {
            None if width.is_empty() => 1,
            None => return Err(no_number()),
            Some(digits) => {
                let width = digits.parse().ok().filter(|width| (1..=19).contains(width));
                width.ok_or_else(|| TemplateError::Width(text.to_owned()))?
            }
        };
        if text.starts_with('.') || text.contains(['/', '\0']) {
            return Err(TemplateError::FileName(text.to_owned()));
        }
        Ok(Self { before: before.to_owned(), width, after: after.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stands_where_it_is_asked_for() {
        let name = |text: &str, number| text.parse::<Template>().unwrap().name(number);
        assert_eq!(name("device-{n}", 17), "device-17");
        assert_eq!(name("pump-{n:06}.berlin", 17), "pump-000017.berlin");
        assert_eq!(name("{n:2}", 100), "100");
    }

    #[test]
    fn what_names_no_fleet_is_refused_by_name() {
        for (text, error) in [
            ("device", TemplateError::NoNumber("device".to_owned())),
            ("{n", TemplateError::NoNumber("{n".to_owned())),
            ("{name}", TemplateError::NoNumber("{name}".to_owned())),
            ("{n:x}", TemplateError::Width("{n:x}".to_owned())),
            ("{n:0}", TemplateError::Width("{n:0}".to_owned())),
            ("{n:999}", TemplateError::Width("{n:999}".to_owned())),
            ("../{n}", TemplateError::FileName("../{n}".to_owned())),
            ("a/{n}", TemplateError::FileName("a/{n}".to_owned())),
        ] {
            assert_eq!(text.parse::<Template>(), Err(error));
        }
    }
}
