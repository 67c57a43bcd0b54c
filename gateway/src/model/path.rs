//! A request's path as policies see it: decoded once, and only where no origin can take it for another.

/// The longest path that is told from another, in bytes, before and after decoding.
pub const MAX_PATH: usize = 4096;

/// Most paths are no longer, and a small buffer costs less.
const USUAL_PATH: usize = 256;

/// A path whose meaning is not in doubt.
#[derive(Clone, Copy, Debug)]
pub struct RequestPath<'a> {
    decoded: &'a [u8],
    /// Whether it would be another to an origin that ignores case, parameters, or dots and spaces at ends.
    loose: bool,
}

/// Why a path means different things to different readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not begin with a slash.
    #[error("a path begins with `/`")]
    Relative,
    /// Longer than [`MAX_PATH`].
    #[error("a path has at most 4096 bytes")]
    Length,
    /// `%` without two hexadecimal digits, or what they mean is not UTF-8.
    #[error("a path is UTF-8, and `%` is followed by two hexadecimal digits")]
    Encoding,
    /// A slash that is encoded, or a backslash, encoded or not.
    #[error("a slash must not be encoded, nor a backslash take its place")]
    Slash,
    /// NUL and its like.
    #[error("a path has no control characters")]
    Control,
    /// `//`, or a segment of dots, spaces and parameters only.
    #[error("no segment of a path is empty, or made of dots, spaces and parameters")]
    Segment,
    /// What is left after decoding would decode once more.
    #[error("a path must not be encoded twice")]
    Twice,
}

/// Reads a path as it was sent, without its query, and gives it to `use_it`.
///
/// # Errors
/// [`PathError`] for what some origin could take for another path.
pub fn read<R>(sent: &str, use_it: impl FnOnce(RequestPath<'_>) -> R) -> Result<R, PathError> {
    if sent.len() > MAX_PATH {
        return Err(PathError::Length);
    }
    match sent.as_bytes() {
        sent if !sent.contains(&b'%') => check(sent).map(use_it),
        sent if sent.len() <= USUAL_PATH => decoded::<USUAL_PATH, R>(sent, use_it),
        sent => decoded::<MAX_PATH, R>(sent, use_it),
    }
}

/// Apart, so that paths without `%` do not pay for the buffer.
#[inline(never)]
fn decoded<const N: usize, R>(
    sent: &[u8],
    use_it: impl FnOnce(RequestPath<'_>) -> R,
) -> Result<R, PathError> {
    let mut buffer = [0; N];
    let mut sent = sent.iter().copied();
    let mut length = 0;
    // What is decoded is no longer than what was sent, which is no longer than the buffer.
    for slot in &mut buffer {
        let Some(byte) = sent.next() else { break };
        *slot = if byte == b'%' { escaped(&mut sent)? } else { byte };
        length += 1;
    }
    let path = buffer.get(..length).unwrap_or_default();
    let twice =
        |window: &[u8]| matches!(window, [b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    if path.windows(3).any(twice) {
        return Err(PathError::Twice);
    }
    check(path).map(use_it)
}

/// The byte behind a `%`.
fn escaped(sent: &mut impl Iterator<Item = u8>) -> Result<u8, PathError> {
    let mut digit =
        || sent.next().and_then(|digit| char::from(digit).to_digit(16)).ok_or(PathError::Encoding);
    let (high, low) = (digit()?, digit()?);
    match u8::try_from(high << 4 | low).map_err(|_| PathError::Encoding)? {
        b'/' | b'\\' => Err(PathError::Slash),
        byte => Ok(byte),
    }
}

fn check(path: &[u8]) -> Result<RequestPath<'_>, PathError> {
    if path.first() != Some(&b'/') {
        return Err(PathError::Relative);
    }
    if std::str::from_utf8(path).is_err() {
        return Err(PathError::Encoding);
    }
    let mut loose = false;
    for byte in path {
        match byte {
            b'\\' => return Err(PathError::Slash),
            0..=0x1f | 0x7f => return Err(PathError::Control),
            b'A'..=b'Z' => loose = true,
            _ => {}
        }
    }
    if path == b"/" {
        return Ok(RequestPath { decoded: b"", loose });
    }
    // A slash at the end makes no segment.
    let path = path.strip_suffix(b"/").unwrap_or(path);
    for segment in path.split(|byte| *byte == b'/').skip(1) {
        let name = name(segment);
        if name.is_empty() {
            return Err(PathError::Segment);
        }
        loose |= name.len() < segment.len();
    }
    Ok(RequestPath { decoded: path, loose })
}

/// What is left of a segment for origins that know parameters (`;`), and file systems that drop dots and spaces.
fn name(segment: &[u8]) -> &[u8] {
    let end = segment.iter().position(|byte| *byte == b';').unwrap_or(segment.len());
    let name = segment.get(..end).unwrap_or(segment);
    let end = name.iter().rposition(|byte| !matches!(byte, b'.' | b' ')).map_or(0, |last| last + 1);
    name.get(..end).unwrap_or(name)
}

impl<'a> RequestPath<'a> {
    /// The path, decoded, without a slash at its end: empty, or `/` and a segment, and so on.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.decoded
    }

    /// Whether [`RequestPath::folded`] gives something else.
    pub fn is_loose(&self) -> bool {
        self.loose
    }

    /// Gives the path to `use_it` as an origin sees it that ignores (ASCII) case, parameters, and dots and spaces at the
    /// ends of segments.
    pub fn folded<R>(&self, use_it: impl FnOnce(&[u8]) -> R) -> R {
        if self.decoded.len() <= USUAL_PATH {
            self.folded_in(&mut [0; USUAL_PATH], use_it)
        } else {
            self.folded_in(&mut [0; MAX_PATH], use_it)
        }
    }

    fn folded_in<R>(&self, buffer: &mut [u8], use_it: impl FnOnce(&[u8]) -> R) -> R {
        let mut length = 0;
        for segment in self.decoded.split(|byte| *byte == b'/').skip(1) {
            let name = name(segment);
            // No more than was read, which is no more than the buffer.
            let Some((slash, rest)) = buffer.get_mut(length..).and_then(<[u8]>::split_first_mut) else {
                break;
            };
            *slash = b'/';
            rest.iter_mut().zip(name).for_each(|(slot, byte)| *slot = byte.to_ascii_lowercase());
            length += 1 + name.len();
        }
        use_it(buffer.get(..length).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(sent: &str) -> Result<(String, String), PathError> {
        let string = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        read(sent, |path| {
            let folded = path.folded(string);
            assert_eq!(path.is_loose(), folded.as_bytes() != path.as_bytes(), "{sent}");
            (string(path.as_bytes()), folded)
        })
    }

    #[test]
    fn a_path_is_decoded_once_and_a_slash_at_its_end_does_not_count() {
        let cases = [
            ("/", ""),
            ("/a", "/a"),
            ("/a/", "/a"),
            ("/a/b.c/d-e_f~g", "/a/b.c/d-e_f~g"),
            ("/%61%2Db", "/a-b"),
            ("/Z%C3%BCrich", "/Zürich"),
            ("/100%25", "/100%"),
            ("/a%20b+c", "/a b+c"),
            ("/.well-known/x", "/.well-known/x"),
            ("/a..b/.c", "/a..b/.c"),
        ];
        for (sent, expected) in cases {
            assert_eq!(text(sent).map(|(path, _)| path), Ok(expected.to_owned()), "{sent}");
        }
    }

    #[test]
    fn what_an_origin_could_take_for_another_path_is_refused() {
        let cases = [
            ("", PathError::Relative),
            ("*", PathError::Relative),
            ("a/b", PathError::Relative),
            ("%2Fa", PathError::Slash),
            ("/a%2Fb", PathError::Slash),
            ("/a%2fb", PathError::Slash),
            ("/a%5Cb", PathError::Slash),
            ("/a\\b", PathError::Slash),
            ("//", PathError::Segment),
            ("//a", PathError::Segment),
            ("/a//b", PathError::Segment),
            ("/a//", PathError::Segment),
            ("/.", PathError::Segment),
            ("/..", PathError::Segment),
            ("/a/../b", PathError::Segment),
            ("/a/./b", PathError::Segment),
            ("/a/%2e%2E/b", PathError::Segment),
            ("/a/.%2e", PathError::Segment),
            ("/a/..;x/b", PathError::Segment),
            ("/a/;x/b", PathError::Segment),
            ("/a/...", PathError::Segment),
            ("/a/%20/b", PathError::Segment),
            ("/a%00", PathError::Control),
            ("/a%0d%0aX:", PathError::Control),
            ("/a%7f", PathError::Control),
            ("/a%", PathError::Encoding),
            ("/a%2", PathError::Encoding),
            ("/a%zz", PathError::Encoding),
            ("/%c0%af", PathError::Encoding),
            ("/%ff", PathError::Encoding),
            ("/%252e%252e/a", PathError::Twice),
            ("/%2561", PathError::Twice),
            (&format!("/{}", "a".repeat(MAX_PATH)), PathError::Length),
        ];
        for (sent, error) in cases {
            assert_eq!(text(sent), Err(error), "{sent:?}");
        }
        assert!(text(&format!("/{}", "a".repeat(MAX_PATH - 1))).is_ok());
        assert!(text(&format!("/%61{}", "a".repeat(MAX_PATH - 4))).is_ok());
    }

    #[test]
    fn case_parameters_dots_and_spaces_are_what_lax_origins_ignore() {
        let cases = [
            ("/admin", "/admin"),
            ("/ADMIN/x", "/admin/x"),
            ("/admin;v=1/x;y", "/admin/x"),
            ("/admin%3Bv=1", "/admin"),
            ("/admin.", "/admin"),
            ("/admin%20%2e./x", "/admin/x"),
            ("/a.b", "/a.b"),
            ("/ÄB", "/Äb"),
        ];
        for (sent, expected) in cases {
            assert_eq!(text(sent).map(|(_, folded)| folded), Ok(expected.to_owned()), "{sent}");
        }
    }
}
