//! The names that an application is for: like a served host, and beyond it `*` within a label.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::hostname::{HostPattern, Hostname, HostnameError};

/// Names: one, or those that fit a pattern with at most one `*` a label. A `*` never stands for a dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DomainPattern {
    labels: Box<[Label]>,
}

/// A label, or what it begins and ends with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Label {
    Literal(Box<str>),
    Wildcard(Box<str>, Box<str>),
}

/// Why a text is no pattern of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// It would not be a hostname with letters for its `*` either.
    #[error(transparent)]
    Hostname(#[from] HostnameError),
    /// Two `*` in a label, or one in the last two.
    #[error("a label has at most one `*`, and the last two labels have none")]
    Wildcard,
}

impl DomainPattern {
    /// Whether `name` is one of the names.
    pub fn matches(&self, name: &Hostname) -> bool {
        let mut labels = name.as_str().split('.');
        self.labels.iter().all(|label| labels.next().is_some_and(|text| label.matches(text)))
            && labels.next().is_none()
    }

    /// Whether any of the names is one that a host with the names `host` serves.
    pub fn meets(&self, host: &HostPattern) -> bool {
        match host {
            HostPattern::Exact(name) => self.matches(name),
            HostPattern::Wildcard(parent) => {
                let mut labels = parent.as_str().split('.');
                let rest = self.labels.get(1..).unwrap_or_default();
                rest.iter().all(|label| labels.next().is_some_and(|text| label.matches(text)))
                    && labels.next().is_none()
            }
        }
    }

    /// The name, where it is only one.
    pub fn exact(&self) -> Option<Hostname> {
        let literal = self.labels.iter().all(|label| matches!(label, Label::Literal(_)));
        literal.then(|| Hostname::from_wire(&self.to_string()).ok()).flatten()
    }

    /// The more specific first, of patterns that match the same name: label by label from the right, a literal one
    /// before a part of one before any.
    pub fn by_specificity(&self, other: &Self) -> Ordering {
        let pairs = self.labels.iter().rev().zip(other.labels.iter().rev());
        let first_difference =
            pairs.map(|(a, b)| a.specificity().cmp(&b.specificity())).find(|order| order.is_ne());
        first_difference.unwrap_or_else(|| self.to_string().cmp(&other.to_string()))
    }
}

impl Label {
    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Literal(label) => **label == *text,
            Self::Wildcard(begin, end) => {
                text.len() >= begin.len() + end.len() && text.starts_with(&**begin) && text.ends_with(&**end)
            }
        }
    }

    /// Less is more specific.
    fn specificity(&self) -> (u8, usize) {
        match self {
            Self::Literal(_) => (0, 0),
            Self::Wildcard(begin, end) => (1, usize::MAX - begin.len() - end.len()),
        }
    }
}

impl FromStr for DomainPattern {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        // As a hostname, it is normalised like all of them.
        let name: Hostname = text.replace('*', "x").parse()?;
        let written: Vec<_> = text.strip_suffix('.').unwrap_or(text).split('.').collect();
        let normalised: Vec<_> = name.as_str().split('.').collect();
        if written.len() != normalised.len() {
            return Err(HostnameError::Character.into());
        }
        let labels: Vec<_> = written
            .into_iter()
            .zip(normalised)
            .map(|(written, normal)| label(written, normal))
            .collect::<Result<_, _>>()?;
        let tail = labels.get(labels.len().saturating_sub(2)..).unwrap_or_default();
        if tail.iter().any(|label| matches!(label, Label::Wildcard(..))) {
            return Err(DomainError::Wildcard);
        }
        Ok(Self { labels: labels.into() })
    }
}

fn label(written: &str, normalised: &str) -> Result<Label, DomainError> {
    let Some((begin, end)) = written.split_once('*') else { return Ok(Label::Literal(normalised.into())) };
    if end.contains('*') {
        return Err(DomainError::Wildcard);
    }
    // A part of a U-label is no part of its A-label.
    if !written.is_ascii() {
        return Err(HostnameError::Character.into());
    }
    Ok(Label::Wildcard(begin.to_ascii_lowercase().into(), end.to_ascii_lowercase().into()))
}

impl fmt::Display for DomainPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, label) in self.labels.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            match label {
                Label::Literal(label) => write!(f, "{dot}{label}")?,
                Label::Wildcard(begin, end) => write!(f, "{dot}{begin}*{end}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> DomainPattern {
        text.parse().unwrap()
    }

    fn matching<'a>(text: &str, names: &[&'a str]) -> Vec<&'a str> {
        let matches = |name: &&&str| pattern(text).matches(&name.parse().unwrap());
        names.iter().filter(matches).copied().collect()
    }

    /// The table of the documentation of application paths.
    #[test]
    fn a_star_stands_for_a_part_of_one_label() {
        let names = [
            "example.com",
            "alpha.example.com",
            "test.example.com",
            "alphatest.example.com",
            "beta.test.example.com",
        ];
        assert_eq!(matching("example.com", &names), ["example.com"]);
        assert_eq!(
            matching("*.example.com", &names),
            ["alpha.example.com", "test.example.com", "alphatest.example.com"]
        );
        assert_eq!(matching("*test.example.com", &names), ["test.example.com", "alphatest.example.com"]);
        assert_eq!(matching("*.test.example.com", &names), ["beta.test.example.com"]);
        assert_eq!(matching("*.*.example.com", &names), ["beta.test.example.com"]);
        assert_eq!(
            matching("a*a.example.com", &["a.example.com", "aa.example.com", "aba.example.com"]),
            ["aa.example.com", "aba.example.com"]
        );
    }

    #[test]
    fn case_and_u_labels_are_normalised_like_a_hosts() {
        assert_eq!(pattern("DEV-*.Bücher.example.").to_string(), "dev-*.xn--bcher-kva.example");
        assert_eq!(pattern("IoT.example.com").exact(), Some("iot.example.com".parse().unwrap()));
        assert_eq!(pattern("*.example.com").exact(), None);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let wildcards = ["*.com", "*", "a.*.com", "foo*bar*baz.example.com", "example.c*m"];
        for text in wildcards {
            assert_eq!(text.parse::<DomainPattern>(), Err(DomainError::Wildcard), "{text}");
        }
        for text in
            ["", "a..example", "bü*.example.com", "*_.example.com", "example.com:443", "-*.example.com"]
        {
            assert!(matches!(text.parse::<DomainPattern>(), Err(DomainError::Hostname(_))), "{text}");
        }
    }

    #[test]
    fn a_pattern_meets_a_host_with_any_name_in_common() {
        let meets = |pattern: &str, host: &str| {
            pattern.parse::<DomainPattern>().unwrap().meets(&host.parse::<HostPattern>().unwrap())
        };
        assert!(meets("iot.example.com", "iot.example.com") && meets("iot.example.com", "*.example.com"));
        assert!(meets("dev-*.example.com", "*.example.com") && meets("*.*.example.com", "*.eu.example.com"));
        assert!(!meets("iot.example.com", "*.example.org") && !meets("example.com", "*.example.com"));
        assert!(!meets("a.b.example.com", "*.example.com") && !meets("dev-*.example.com", "iot.example.com"));
    }

    #[test]
    fn the_more_specific_comes_first() {
        let mut patterns = [
            "*.*.example.com",
            "*.eu.example.com",
            "a.*.example.com",
            "dev-*.eu.example.com",
            "d*.eu.example.com",
            "a.eu.example.com",
        ]
        .map(pattern);
        patterns.sort_by(DomainPattern::by_specificity);
        assert_eq!(
            patterns.map(|pattern| pattern.to_string()),
            [
                "a.eu.example.com",
                "dev-*.eu.example.com",
                "d*.eu.example.com",
                "*.eu.example.com",
                "a.*.example.com",
                "*.*.example.com"
            ]
        );
    }
}
