//! Cloudflare's own clients, driven call by call: a script for each language takes a call a line and gives its result.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::gateway::Gateway;
use crate::{node, python};

/// A client in a process of its own. Dropping this ends it.
pub struct Sdk {
    child: Child,
    calls: ChildStdin,
    results: BufReader<ChildStdout>,
}

/// What became of a call.
#[derive(Clone, Debug)]
pub struct Said {
    /// The result, lists with all their pages; none where the client raised an error.
    pub result: Option<Value>,
    /// The HTTP status of the error.
    pub status: Option<u64>,
    /// The first number in the error.
    pub code: Option<u64>,
    /// The error as text.
    pub error: String,
    /// HTTP requests that the client made.
    pub requests: u64,
}

impl Sdk {
    /// The Python client. Where there is none, the test is listed as skipped.
    pub fn python(gateway: &Gateway) -> Option<Self> {
        let python = python::interpreter()?;
        Some(Self::start(python::script(&python, "sdk.py"), gateway))
    }

    /// The TypeScript client. Where there is none, the test is listed as skipped.
    pub fn node(gateway: &Gateway) -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("node/sdk.mjs");
        Some(Self::start(node::script(&script)?, gateway))
    }

    fn start(mut command: Command, gateway: &Gateway) -> Self {
        command.arg(format!("http://{}/client/v4", gateway.api_address())).arg(gateway.api_token());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("start the client");
        let calls = child.stdin.take().expect("its input");
        let results = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, calls, results }
    }

    /// A call, as the Python client names it: `zero_trust.access.certificates.get`, its positional arguments, and those with
    /// names.
    #[expect(clippy::needless_pass_by_value, reason = "callers make it where they call")]
    pub fn call(&mut self, path: &str, arguments: &[&str], named: Value) -> Said {
        let call = json!({ "path": path, "arguments": arguments, "named": named });
        writeln!(self.calls, "{call}").expect("send a call");
        let mut line = String::new();
        self.results.read_line(&mut line).expect("a result");
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{path}: {line:?}"));
        Said {
            result: said.get("result").cloned(),
            status: said["status"].as_u64(),
            code: said["code"].as_u64(),
            error: said["error"].as_str().unwrap_or_default().to_owned(),
            requests: said["requests"].as_u64().unwrap_or_default(),
        }
    }

    /// A call that works, with a result of the type that the client has for it.
    #[track_caller]
    pub fn must(&mut self, path: &str, arguments: &[&str], named: Value) -> Value {
        let said = self.call(path, arguments, named);
        said.result.unwrap_or_else(|| panic!("{path}: {}", said.error))
    }
}

impl Drop for Sdk {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
