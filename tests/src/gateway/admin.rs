//! The admin socket, spoken to directly.

use std::io::{BufReader, Write as _};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use super::Gateway;
use crate::message::Message;
use crate::wait;

impl Gateway {
    /// A request on the admin socket. `None` when the gateway went away before it had answered.
    pub fn try_admin(&self, method: &str, path: &str, body: Option<&Value>) -> Option<Message> {
        let mut stream = UnixStream::connect(self.admin_socket()).ok()?;
        stream.set_read_timeout(Some(wait::DEADLINE)).ok()?;
        let body = body.map(Value::to_string).unwrap_or_default();
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: fleetgate\r\nConnection: close\r\n");
        write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}").ok()?;
        Message::read_response(&mut BufReader::new(stream)).ok()
    }

    /// A request on the admin socket.
    pub fn admin(&self, method: &str, path: &str, body: Option<&Value>) -> Message {
        self.try_admin(method, path, body).expect("an answer on the admin socket")
    }

    /// Changes resources. `None` when the gateway went away before it had answered.
    pub fn try_change(&self, writes: &Value) -> Option<Message> {
        self.try_admin("POST", "/fleetgate/v1/resources", Some(&json!({ "writes": writes })))
    }

    /// Changes resources, and says what the gateway answered.
    pub fn change(&self, writes: &Value) -> (u16, Value) {
        let answer = self.try_change(writes).expect("an answer on the admin socket");
        (answer.status(), answer.json())
    }

    /// Changes resources, and expects it to work.
    #[track_caller]
    pub fn must_change(&self, writes: &Value) -> Value {
        let (status, answer) = self.change(writes);
        assert_eq!(status, 200, "{answer:#}");
        answer
    }

    /// What is kept of a kind: ids and documents.
    pub fn kept(&self, kind: &str) -> Vec<(String, Value)> {
        let answer = self.admin("GET", &format!("/fleetgate/v1/resources/{kind}"), None).json();
        let resources = answer["resources"].as_array().expect("a list").iter();
        resources
            .map(|resource| {
                (resource["id"].as_str().expect("an id").to_owned(), resource["document"].clone())
            })
            .collect()
    }
}
