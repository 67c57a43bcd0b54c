//! `fleetgate cert` and `fleetgate app`: what the API has, for people.

mod app;
mod cert;

use std::path::Path;

use http::Method;
use serde_json::Value;

use super::client;

pub(super) use app::App;
pub(super) use cert::Cert;

/// Entries of a page: as many as the gateway gives.
const PAGE: usize = 1000;

/// The API of a running gateway.
struct Api<'a> {
    socket: &'a Path,
    account: String,
}

impl<'a> Api<'a> {
    /// That of the gateway at `socket`.
    ///
    /// # Errors
    /// None answers.
    fn at(socket: &'a Path) -> Result<Self, String> {
        let status = client::ask(socket, Method::GET, "/fleetgate/v1/status", None)?.body;
        Ok(Self { socket, account: text(&status, "account_id") })
    }

    /// A result of the API.
    ///
    /// # Errors
    /// The gateway refuses: its errors.
    fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let path = format!("/client/v4/accounts/{}/{path}", self.account);
        let answer = client::ask(self.socket, method, &path, body)?.body;
        match (answer.get("success"), answer.get("result")) {
            (Some(Value::Bool(true)), Some(result)) => Ok(result.clone()),
            _ => Err(errors(&answer)),
        }
    }

    /// Everything in a list.
    ///
    /// # Errors
    /// The gateway refuses: its errors.
    fn list(&self, path: &str) -> Result<Vec<Value>, String> {
        let mut all = Vec::new();
        for page in 1.. {
            let part = self.ask(Method::GET, &format!("{path}?page={page}&per_page={PAGE}"), None)?;
            match part.as_array() {
                Some(part) if !part.is_empty() => all.extend(part.iter().cloned()),
                _ => break,
            }
        }
        Ok(all)
    }

    /// The one in a list that has this id or name.
    ///
    /// # Errors
    /// There is none, or there are several; or the gateway refuses.
    fn find(&self, path: &str, wanted: &str) -> Result<Value, String> {
        let is_it = |it: &Value| [text(it, "id"), text(it, "name")].iter().any(|text| text == wanted);
        let mut found: Vec<_> = self.list(path)?.into_iter().filter(is_it).collect();
        match (found.pop(), found.is_empty()) {
            (Some(one), true) => Ok(one),
            (Some(_), false) => Err(format!("several have the name `{wanted}`; say which by its id")),
            (None, _) => Err(format!("there is none with the id or name `{wanted}`")),
        }
    }
}

fn errors(answer: &Value) -> String {
    let errors = answer.get("errors").and_then(Value::as_array).into_iter().flatten();
    let lines: Vec<_> = errors.map(|error| text(error, "message")).collect();
    if lines.is_empty() { answer.to_string() } else { lines.join("\n") }
}

/// A text of an object.
fn text(object: &Value, key: &str) -> String {
    object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A list of texts of an object.
fn texts(object: &Value, key: &str) -> String {
    let list = object.get(key).and_then(Value::as_array).into_iter().flatten();
    let words: Vec<_> = list.filter_map(Value::as_str).collect();
    words.join(" ")
}
