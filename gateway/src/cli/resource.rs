//! `fleetgate cert`, `app`, `policy`, `group` and `service-token`: what the API has, for people.

mod app;
mod cert;
mod group;
mod policy;
mod rules;
mod service_token;

use std::path::Path;
use std::process::ExitCode;

use http::Method;
use serde_json::Value;

use super::table::table;
use super::{client, print};

pub(super) use app::App;
pub(super) use cert::Cert;
pub(super) use group::Group;
pub(super) use policy::PolicyVerb;
pub(super) use service_token::ServiceToken;

/// Entries of a page: as many as the gateway gives.
const PAGE: usize = 1000;

/// The API of a running gateway.
pub(super) struct Api<'a> {
    socket: &'a Path,
    account: String,
}

impl<'a> Api<'a> {
    /// That of the gateway at `socket`.
    ///
    /// # Errors
    /// None answers.
    pub(super) fn at(socket: &'a Path) -> Result<Self, String> {
        let status = client::ask(socket, Method::GET, "/fleetgate/v1/status", None)?.body;
        Ok(Self { socket, account: text(&status, "account_id") })
    }

    /// A result of the API.
    ///
    /// # Errors
    /// The gateway refuses: its errors.
    pub(super) fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let answer = self.call(method, path, body)?;
        Ok(answer.get("result").cloned().unwrap_or_default())
    }

    /// A whole answer that is a success.
    fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let path = format!("/client/v4/accounts/{}/{path}", self.account);
        let answer = client::ask(self.socket, method, &path, body)?.body;
        let is_success = answer.get("success") == Some(&Value::Bool(true));
        if is_success { Ok(answer) } else { Err(errors(&answer)) }
    }

    /// Creates one of which the API tells the id alone, and gives all of it.
    ///
    /// # Errors
    /// The gateway refuses: its errors.
    pub(super) fn create(&self, path: &str, body: &Value) -> Result<Value, String> {
        let id = text(&self.ask(Method::POST, path, Some(body))?, "id");
        self.ask(Method::GET, &format!("{path}/{id}"), None)
    }

    /// Everything in a list.
    ///
    /// # Errors
    /// The gateway refuses: its errors.
    pub(super) fn list(&self, path: &str) -> Result<Vec<Value>, String> {
        let mut all = Vec::new();
        for page in 1_u64.. {
            let answer = self.call(Method::GET, &format!("{path}?page={page}&per_page={PAGE}"), None)?;
            all.extend(answer.get("result").and_then(Value::as_array).into_iter().flatten().cloned());
            // A list without pages is all of it.
            let pages = answer.pointer("/result_info/total_pages").and_then(Value::as_u64);
            if pages.is_none_or(|pages| pages <= page) {
                break;
            }
        }
        Ok(all)
    }

    /// Removes the one in a list that has this id or name.
    ///
    /// # Errors
    /// There is none, or there are several; or the gateway refuses.
    pub(super) fn remove(&self, path: &str, wanted: &str) -> Result<Value, String> {
        let id = text(&self.find(path, wanted)?, "id");
        self.ask(Method::DELETE, &format!("{path}/{id}"), None)
    }

    /// The one in a list that has this id or name.
    ///
    /// # Errors
    /// There is none, or there are several; or the gateway refuses.
    pub(super) fn find(&self, path: &str, wanted: &str) -> Result<Value, String> {
        let is_it = |it: &Value| [text(it, "id"), text(it, "name")].iter().any(|text| text == wanted);
        let mut found: Vec<_> = self.list(path)?.into_iter().filter(is_it).collect();
        match (found.pop(), found.is_empty()) {
            (Some(one), true) => Ok(one),
            (Some(_), false) => Err(format!("several have the name `{wanted}`; say which by its id")),
            (None, _) => {
                Err(format!("there is none with the id or name `{wanted}`; `list` has those that there are"))
            }
        }
    }
}

/// Prints a result: as JSON, or as `describe` has it.
pub(super) fn show(result: &Value, json: bool, describe: impl FnOnce(&Value) -> String) -> ExitCode {
    print(&if json { result.to_string() } else { describe(result) });
    ExitCode::SUCCESS
}

/// A list, one of it, or what is told of one that is gone.
pub(super) fn tell(result: &Value, headings: &[&str], row: impl Fn(&Value) -> Vec<String>) -> String {
    match result {
        Value::Array(all) => table(headings, &all.iter().map(row).collect::<Vec<_>>()),
        one if one.get("name").is_some() => table(headings, &[row(one)]),
        one => format!("removed {}", text(one, "id")),
    }
}

fn errors(answer: &Value) -> String {
    let errors = answer.get("errors").and_then(Value::as_array).into_iter().flatten();
    let lines: Vec<_> = errors.map(|error| text(error, "message")).collect();
    if lines.is_empty() { answer.to_string() } else { lines.join("\n") }
}

/// A text of an object.
pub(super) fn text(object: &Value, key: &str) -> String {
    object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A list of texts of an object.
fn texts(object: &Value, key: &str) -> String {
    let list = object.get(key).and_then(Value::as_array).into_iter().flatten();
    let words: Vec<_> = list.filter_map(Value::as_str).collect();
    words.join(" ")
}
