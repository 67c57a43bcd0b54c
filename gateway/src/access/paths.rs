//! Which application a path belongs to: a tree of segments, with the patterns that have a `*` at the segment before it.

use crate::model::path_pattern::{PathPattern, Segment};

/// Patterns of one host's paths, compiled.
#[derive(Debug, Default)]
pub(super) struct PathTree(Node);

/// A path and everything below it.
#[derive(Debug, Default)]
struct Node {
    /// By their first segment, in order.
    children: Vec<(Box<[u8]>, Node)>,
    here: Option<Target>,
    wildcards: Wildcards,
}

/// Patterns with a `*`, each kind with the most specific first.
#[derive(Debug, Default)]
struct Wildcards {
    /// By a literal segment that has to be somewhere in the path, in order: of many, few are left to be tried.
    by_segment: Vec<WithSegment>,
    /// Without one.
    others: Vec<(Wildcard, Target)>,
}

/// Patterns that have a literal segment in common.
#[derive(Debug)]
struct WithSegment {
    segment: Box<[u8]>,
    wildcards: Vec<(Wildcard, Target)>,
}

/// Where a pattern leads.
#[derive(Clone, Copy, Debug)]
struct Target {
    /// 0 is the most specific.
    rank: usize,
    application: u32,
}

impl PathTree {
    /// Compiles patterns with the applications that they lead to. Of equal ones the first counts.
    pub(super) fn new(mut patterns: Vec<(PathPattern, u32)>) -> Self {
        patterns.sort_by(|(a, _), (b, _)| a.by_specificity(b));
        let mut root = Node::default();
        for (rank, (pattern, application)) in patterns.iter().enumerate() {
            root.insert(pattern, Target { rank, application: *application });
        }
        Self(root)
    }

    /// The application of the most specific pattern that `path` fits: empty, or `/` and a segment, and so on.
    pub(super) fn find(&self, path: &[u8]) -> Option<u32> {
        let (mut node, mut rest) = (&self.0, path);
        let mut best: Option<Target> = None;
        loop {
            // A deeper path is more specific than a shorter one, but perhaps not than a pattern.
            best = node.here.into_iter().chain(best).min_by_key(|target| target.rank);
            best = node.wildcards.find(rest, best);
            let Some((_, below)) = rest.split_first() else { break };
            let end = below.iter().position(|byte| *byte == b'/').unwrap_or(below.len());
            let (segment, after) = below.split_at_checked(end).unwrap_or((below, b""));
            let child = node.children.binary_search_by(|(name, _)| (**name).cmp(segment));
            let Some((_, child)) = child.ok().and_then(|index| node.children.get(index)) else { break };
            (node, rest) = (child, after);
        }
        best.map(|target| target.application)
    }
}

impl Node {
    fn insert(&mut self, pattern: &PathPattern, target: Target) {
        let mut node = self;
        for (index, segment) in pattern.segments().iter().enumerate() {
            match segment {
                Segment::Literal(text) => node = node.child(text.as_bytes()),
                Segment::Wildcard(..) => {
                    return node
                        .wildcards
                        .insert(pattern.segments().get(index..).unwrap_or_default(), target);
                }
            }
        }
        node.here.get_or_insert(target);
    }

    fn child(&mut self, name: &[u8]) -> &mut Self {
        let index = match self.children.binary_search_by(|(known, _)| (**known).cmp(name)) {
            Ok(index) => index,
            Err(index) => {
                self.children.insert(index, (name.into(), Self::default()));
                index
            }
        };
        #[expect(clippy::indexing_slicing, reason = "found or inserted in the lines above")]
        &mut self.children[index].1
    }
}

impl Wildcards {
    fn insert(&mut self, segments: &[Segment], target: Target) {
        let literal = segments.iter().find_map(|segment| match segment {
            Segment::Literal(text) => Some(text.as_bytes()),
            Segment::Wildcard(..) => None,
        });
        let wildcard = (Wildcard::new(segments), target);
        let Some(literal) = literal else { return self.others.push(wildcard) };
        match self.by_segment.binary_search_by(|known| (*known.segment).cmp(literal)) {
            #[expect(clippy::indexing_slicing, reason = "found there")]
            Ok(index) => self.by_segment[index].wildcards.push(wildcard),
            Err(index) => {
                let new = WithSegment { segment: literal.into(), wildcards: vec![wildcard] };
                self.by_segment.insert(index, new);
            }
        }
    }

    /// The most specific that `path` fits, or `best` where that is more specific.
    fn find(&self, path: &[u8], mut best: Option<Target>) -> Option<Target> {
        let mut try_all = |wildcards: &[(Wildcard, Target)]| {
            let better = |target: &Target| best.is_none_or(|best| target.rank < best.rank);
            let mut wildcards = wildcards.iter().take_while(|(_, target)| better(target));
            if let Some((_, target)) = wildcards.find(|(wildcard, _)| wildcard.matches(path)) {
                best = Some(*target);
            }
        };
        if !self.others.is_empty() {
            try_all(&self.others);
        }
        if !self.by_segment.is_empty() {
            for segment in path.split(|byte| *byte == b'/').skip(1) {
                let known = self.by_segment.binary_search_by(|known| (*known.segment).cmp(segment));
                if let Some(known) = known.ok().and_then(|index| self.by_segment.get(index)) {
                    try_all(&known.wildcards);
                }
            }
        }
        best
    }
}

/// What follows a path that is taken to the letter: texts with anything between them.
#[derive(Debug)]
struct Wildcard {
    begin: Box<[u8]>,
    /// The least number of bytes that the `*` before stands for, and the text behind it.
    parts: Box<[(usize, Box<[u8]>)]>,
}

impl Wildcard {
    fn new(segments: &[Segment]) -> Self {
        let (mut texts, mut least) = (vec![Vec::new()], Vec::new());
        for segment in segments {
            let (begin, end) = match segment {
                Segment::Literal(text) => (text, None),
                Segment::Wildcard(begin, end) => (begin, Some(end)),
            };
            if let Some(text) = texts.last_mut() {
                text.push(b'/');
                text.extend(begin.as_bytes());
            }
            if let Some(end) = end {
                least.push(usize::from(begin.is_empty() && end.is_empty()));
                texts.push(end.as_bytes().to_vec());
            }
        }
        let mut texts = texts.into_iter().map(Vec::into_boxed_slice);
        Self { begin: texts.next().unwrap_or_default(), parts: least.into_iter().zip(texts).collect() }
    }

    /// Whether `path` begins with it, up to the end of a segment.
    fn matches(&self, path: &[u8]) -> bool {
        let Some(mut rest) = path.strip_prefix(&*self.begin) else { return false };
        let Some(((minimum, last), between)) = self.parts.split_last() else { return false };
        for (least, text) in between {
            // The nearest leaves the most to what follows.
            let found = rest.get(*least..).and_then(|rest| Some((rest, find(rest, text)?)));
            let Some((from, at)) = found else { return false };
            rest = from.get(at + text.len()..).unwrap_or_default();
        }
        let Some(mut rest) = rest.get(*minimum..) else { return false };
        if last.is_empty() {
            return true;
        }
        while let Some(at) = find(rest, last) {
            let after = rest.get(at + last.len()..).unwrap_or_default();
            if matches!(after.first(), None | Some(b'/')) {
                return true;
            }
            rest = rest.get(at + 1..).unwrap_or_default();
        }
        false
    }
}

/// Where `text` begins in `path`, which has at most 4096 bytes.
fn find(path: &[u8], text: &[u8]) -> Option<usize> {
    if text.is_empty() { Some(0) } else { path.windows(text.len()).position(|window| window == text) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tree(patterns: &[&str]) -> PathTree {
        PathTree::new(patterns.iter().zip(0..).map(|(text, index)| (text.parse().unwrap(), index)).collect())
    }

    /// The pattern that counts for each path.
    fn counts<'a>(patterns: &[&'a str], path: &str) -> Option<&'a str> {
        tree(patterns).find(path.as_bytes()).map(|index| patterns[index as usize])
    }

    #[test]
    fn a_path_covers_what_is_below_it_and_nothing_beside_it() {
        for path in ["/eng", "/eng/exec", "/eng/a/b"] {
            assert_eq!(counts(&["/eng"], path), Some("/eng"), "{path}");
        }
        for path in ["", "/en", "/engine", "/Eng", "/x/eng"] {
            assert_eq!(counts(&["/eng"], path), None, "{path}");
        }
    }

    #[test]
    fn the_more_specific_wins_and_what_is_not_its_own_stays_with_the_other() {
        let patterns = ["", "/eng", "/eng/exec", "/eng/*/logs", "/eng/e*"];
        let cases = [
            ("", ""),
            ("/x", ""),
            ("/eng", "/eng"),
            ("/eng/dev", "/eng"),
            ("/eng/exec/x", "/eng/exec"),
            ("/eng/exec/logs", "/eng/exec"),
            ("/eng/dev/logs", "/eng/*/logs"),
            ("/eng/else/logs", "/eng/e*"),
        ];
        for (path, expected) in cases {
            assert_eq!(counts(&patterns, path), Some(expected), "{path}");
        }
    }

    /// The tables of the documentation of application paths.
    #[test]
    fn a_star_covers_several_segments_and_not_the_parent() {
        for path in ["/foo/bar", "/food/bar", "/food/stuff/bar", "/food/bar/x", "/foo/bars/bar"] {
            assert!(counts(&["/foo*/bar"], path).is_some(), "{path}");
        }
        for path in ["/foo", "/food/bars", "/fo/bar", "/foobar"] {
            assert!(counts(&["/foo*/bar"], path).is_none(), "{path}");
        }
        assert!(
            counts(&["/alpha/*"], "/alpha/one").is_some()
                && counts(&["/alpha/*"], "/alpha/one/two").is_some()
        );
        assert!(counts(&["/alpha/*"], "/alpha").is_none() && counts(&["/alpha/*"], "").is_none());
        assert!(counts(&["/*"], "/alpha").is_some() && counts(&["/*"], "").is_none());
        assert!(counts(&["/*/x/*.txt"], "/a/b/x/c/d.txt").is_some());
        assert!(counts(&["/*/x/*.txt"], "/a/b/x/c/d.txt2").is_none());
    }

    #[test]
    fn of_equal_patterns_the_first_counts() {
        let tree = PathTree::new(vec![("/a".parse().unwrap(), 7), ("/a".parse().unwrap(), 8)]);
        assert_eq!(tree.find(b"/a"), Some(7));
    }

    /// What a pattern means, letter by letter: no tree, no bisection, no search. `+` is a star alone in its segment, which
    /// stands for at least a letter.
    fn naive(pattern: &[char], path: &[char]) -> bool {
        match pattern.split_first() {
            None => matches!(path.first(), None | Some('/')),
            Some(('*', after)) => (0..=path.len()).any(|skip| naive(after, &path[skip..])),
            Some(('+', after)) => (1..=path.len()).any(|skip| naive(after, &path[skip..])),
            Some((letter, after)) => path.first() == Some(letter) && naive(after, &path[1..]),
        }
    }

    fn fits(pattern: &str, path: &str) -> bool {
        let segments = pattern.split('/').map(|segment| if segment == "*" { "+" } else { segment });
        let pattern: Vec<char> = segments.collect::<Vec<_>>().join("/").chars().collect();
        naive(&pattern, &path.chars().collect::<Vec<_>>())
    }

    proptest! {
        #[test]
        fn the_tree_finds_what_the_most_specific_of_all_patterns_is(
            patterns in prop::collection::vec("(/(a|b|ab|\\*|a\\*|\\*b|a\\*b)){0,3}", 1..8),
            path in "(/(a|b|ab|aab|ba)){0,5}",
        ) {
            let mut fitting: Vec<PathPattern> =
                patterns.iter().filter(|pattern| fits(pattern, &path)).map(|text| text.parse().unwrap()).collect();
            fitting.sort_by(PathPattern::by_specificity);
            let texts: Vec<_> = patterns.iter().map(String::as_str).collect();
            let expected = fitting.first().map(ToString::to_string);
            prop_assert_eq!(counts(&texts, &path).map(str::to_owned), expected);
        }
    }
}
