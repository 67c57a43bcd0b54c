//! HTTP/1.1 messages as they are on the wire, for both ends: nothing is normalised, so that a test sees what was sent.

use std::io::{self, BufRead, Read as _};

/// A request or a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The request line or the status line.
    pub start: String,
    /// Headers in their order and spelling.
    pub headers: Fields,
    /// The body, without its chunks.
    pub body: Vec<u8>,
    /// Trailers in their order and spelling.
    pub trailers: Fields,
}

/// Names and values in their order.
pub type Fields = Vec<(String, String)>;

impl Message {
    /// Reads a request; `None` at the end of the stream.
    pub fn read_request(stream: &mut impl BufRead) -> io::Result<Option<Self>> {
        Self::read(stream, false)
    }

    /// Reads a response that is not interim (1xx).
    pub fn read_response(stream: &mut impl BufRead) -> io::Result<Self> {
        loop {
            let response = Self::read(stream, true)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if response.status() >= 200 {
                return Ok(response);
            }
        }
    }

    /// The status of a response.
    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line")
    }

    /// The first value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    fn read(stream: &mut impl BufRead, is_response: bool) -> io::Result<Option<Self>> {
        let Some(start) = line(stream)? else { return Ok(None) };
        let mut message = Self { start, headers: fields(stream)?, ..Self::default() };
        let chunked =
            message.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        let length = message.header("content-length").map(|length| length.parse().map_err(io::Error::other));
        let bodiless = is_response && matches!(message.status(), 100..200 | 204 | 304);
        match (bodiless, chunked, length.transpose()?) {
            (true, ..) => {}
            (_, true, _) => (message.body, message.trailers) = chunks(stream)?,
            (_, _, Some(length)) => message.body = exactly(stream, length)?,
            (..) if is_response => drop(stream.read_to_end(&mut message.body)?),
            (..) => {}
        }
        Ok(Some(message))
    }
}

fn line(stream: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if stream.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let Some(line) = line.strip_suffix(b"\r\n") else { return Err(io::ErrorKind::UnexpectedEof.into()) };
    Ok(Some(String::from_utf8_lossy(line).into_owned()))
}

fn fields(stream: &mut impl BufRead) -> io::Result<Fields> {
    let mut fields = Vec::new();
    loop {
        let line = line(stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if line.is_empty() {
            return Ok(fields);
        }
        let (name, value) = line.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
        fields.push((name.to_owned(), value.trim().to_owned()));
    }
}

fn exactly(stream: &mut impl BufRead, length: u64) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    stream.take(length).read_to_end(&mut body)?;
    if body.len() as u64 == length { Ok(body) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn chunks(stream: &mut impl BufRead) -> io::Result<(Vec<u8>, Fields)> {
    let mut body = Vec::new();
    loop {
        let size = line(stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        match u64::from_str_radix(&size, 16).map_err(io::Error::other)? {
            0 => return Ok((body, fields(stream)?)),
            size => body.extend(exactly(stream, size)?),
        }
        line(stream)?;
    }
}
