//! The API over TCP, spoken to directly.

use std::io::{BufReader, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use super::Gateway;
use crate::message::Message;
use crate::wait;

impl Gateway {
    /// A request to the API with the first token.
    pub fn api(&self, method: &str, path: &str, body: Option<&Value>) -> Message {
        let token = format!("Authorization: Bearer {}", self.api_token());
        self.api_with(&[&token], method, path, body)
    }

    /// A request to the API with these header lines.
    pub fn api_with(&self, headers: &[&str], method: &str, path: &str, body: Option<&Value>) -> Message {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut stream = TcpStream::connect(self.api_address()).expect("the API");
        stream.set_read_timeout(Some(wait::DEADLINE)).expect("a deadline");
        let lines = headers.iter().fold(String::new(), |lines, line| lines + line + "\r\n");
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: api\r\nConnection: close\r\n{lines}");
        write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}").expect("send");
        Message::read_response(&mut BufReader::new(stream)).expect("an answer of the API")
    }

    /// The path of something below the account.
    pub fn account(&self, path: &str) -> String {
        format!("/client/v4/accounts/{}/{path}", self.status()["account_id"].as_str().expect("an id"))
    }

    /// The path of something below the zone.
    pub fn zone(&self, path: &str) -> String {
        format!("/client/v4/zones/{}/{path}", self.status()["zone_id"].as_str().expect("an id"))
    }
}
