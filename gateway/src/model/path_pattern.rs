//! The paths that an application is for: a path and everything below it, with at most one `*` a segment.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::path::{self, PathError, RequestPath};

/// The longest pattern in bytes.
const MAX_PATTERN: usize = 512;

/// Paths: those that begin with these segments. A `*` stands for any text, slashes included; alone in its segment, for
/// at least a character.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PathPattern {
    segments: Box<[Segment]>,
}

/// A segment, or what it begins and ends with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// This text.
    Literal(Box<str>),
    /// A `*` between these texts.
    Wildcard(Box<str>, Box<str>),
}

/// Why a text is no pattern of paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A request with such a path would be refused.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Longer than 512 bytes.
    #[error("a path pattern has at most 512 bytes")]
    Length,
    /// Two `*` in a segment.
    #[error("a segment has at most one `*`")]
    Wildcard,
    /// Not a matter of the path.
    #[error("an application has no query and no fragment")]
    Query,
    /// Origins that know parameters, and those that don't, would not agree about it.
    #[error("a segment has no `;`, and no dot or space at its end")]
    Parameter,
}

impl PathPattern {
    /// Every path.
    pub fn is_root(&self) -> bool {
        self.segments.is_empty()
    }

    /// Its segments.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The same in lower case.
    #[must_use]
    pub fn to_lowercase(&self) -> Self {
        let lower = |text: &str| text.to_ascii_lowercase().into_boxed_str();
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Literal(text) => Segment::Literal(lower(text)),
            Segment::Wildcard(begin, end) => Segment::Wildcard(lower(begin), lower(end)),
        });
        Self { segments: segments.collect() }
    }

    /// The more specific first: segment by segment from the left, a literal one before a part of one before any, and the
    /// longer pattern before the one that it continues.
    pub fn by_specificity(&self, other: &Self) -> Ordering {
        let pairs = self.segments.iter().zip(&other.segments);
        let first_difference = pairs.map(|(a, b)| a.by_specificity(b)).find(|order| order.is_ne());
        first_difference.unwrap_or_else(|| other.segments.len().cmp(&self.segments.len()))
    }
}

impl Segment {
    fn by_specificity(&self, other: &Self) -> Ordering {
        // Less is more specific. The texts are only there to make an order of it.
        let rank = |segment: &Self| match segment {
            Self::Literal(_) => (0, 0),
            Self::Wildcard(begin, end) => (1, usize::MAX - begin.len() - end.len()),
        };
        rank(self).cmp(&rank(other)).then_with(|| self.to_string().cmp(&other.to_string()))
    }
}

impl FromStr for PathPattern {
    type Err = PatternError;

    /// Reads a path with `*`; nothing at all is every path.
    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        if text.len() > MAX_PATTERN {
            return Err(PatternError::Length);
        }
        if text.contains(['?', '#']) {
            return Err(PatternError::Query);
        }
        // An encoded star would be taken for a wildcard.
        if text.to_ascii_lowercase().contains("%2a") {
            return Err(PatternError::Wildcard);
        }
        let decoded = path::read(text, RequestPathText::from)??;
        let segments = decoded.0.split('/').skip(1).map(|segment| match segment.split_once('*') {
            None => Ok(Segment::Literal(segment.into())),
            Some((_, end)) if end.contains('*') => Err(PatternError::Wildcard),
            Some((begin, end)) => Ok(Segment::Wildcard(begin.into(), end.into())),
        });
        Ok(Self { segments: segments.collect::<Result<_, _>>()? })
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.segments.iter().try_for_each(|segment| write!(f, "/{segment}"))
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => f.write_str(text),
            Self::Wildcard(begin, end) => write!(f, "{begin}*{end}"),
        }
    }
}

/// The text of a path that nobody takes for another, case aside.
struct RequestPathText(String);

impl RequestPathText {
    fn from(path: RequestPath<'_>) -> Result<Self, PatternError> {
        let text = String::from_utf8_lossy(path.as_bytes()).into_owned();
        let strict = path.folded(|folded| folded.eq_ignore_ascii_case(text.as_bytes()));
        if strict { Ok(Self(text)) } else { Err(PatternError::Parameter) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_read_as_a_request_is() {
        let cases = [
            ("", ""),
            ("/", ""),
            ("/admin", "/admin"),
            ("/admin/", "/admin"),
            ("/%61dmin/Z%C3%BCrich", "/admin/Zürich"),
            ("/foo*/bar", "/foo*/bar"),
            ("/alpha/*", "/alpha/*"),
            ("/*", "/*"),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<PathPattern>().unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn a_pattern_that_no_request_could_fit_is_refused() {
        let cases = [
            ("/foo*bar*baz", PatternError::Wildcard),
            ("/a%2Ab", PatternError::Wildcard),
            ("/a?b=c", PatternError::Query),
            ("/a#b", PatternError::Query),
            ("/a;b", PatternError::Parameter),
            ("/a./b", PatternError::Parameter),
            ("/a/../b", PathError::Segment.into()),
            ("/a//b", PathError::Segment.into()),
            ("/a%2Fb", PathError::Slash.into()),
            ("a", PathError::Relative.into()),
            (&format!("/{}", "a".repeat(512)), PatternError::Length),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<PathPattern>(), Err(error), "{text}");
        }
    }

    #[test]
    fn the_more_specific_comes_first() {
        let expected = [
            "/foo/a",
            "/foo/ab*",
            "/foo/a*",
            "/foo/*/x",
            "/foo/*",
            "/foo",
            "/fo*/bar/x",
            "/fo*/bar",
            "/*",
            "",
        ];
        let mut patterns: Vec<PathPattern> =
            expected.iter().rev().map(|text| text.parse().unwrap()).collect();
        patterns.sort_by(PathPattern::by_specificity);
        assert_eq!(patterns.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    }
}
