//! What the gateway writes: the access log on standard output, its own log on standard error.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use serde_json::Value;

use crate::wait;

/// Everything written so far, read as it comes.
#[derive(Debug)]
pub struct Captured {
    stdout: Lines,
    stderr: Lines,
}

#[derive(Debug)]
struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    reader: Mutex<Option<JoinHandle<()>>>,
}

impl Captured {
    pub(super) fn new(stdout: impl Read + Send + 'static, stderr: impl Read + Send + 'static) -> Self {
        Self { stdout: Lines::read(stdout), stderr: Lines::read(stderr) }
    }

    /// The access log's lines so far, without the audit log's.
    ///
    /// # Panics
    /// When one is not JSON.
    pub fn access_log(&self) -> Vec<Value> {
        self.lines(false)
    }

    /// The audit log's lines so far.
    ///
    /// # Panics
    /// When one is not JSON.
    pub fn audit_log(&self) -> Vec<Value> {
        self.lines(true)
    }

    fn lines(&self, audit: bool) -> Vec<Value> {
        let parse = |line: &String| -> Value {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"))
        };
        let of_audit = |line: &Value| line["event"] == "decision" || line["event"] == "change";
        self.stdout.lock().iter().map(parse).filter(|line| of_audit(line) == audit).collect()
    }

    /// Waits for an audit log line that `is_it`.
    #[track_caller]
    pub fn wait_audit(&self, what: &str, mut is_it: impl FnMut(&Value) -> bool) -> Value {
        wait::until(what, || self.audit_log().into_iter().find(|line| is_it(line)))
    }

    /// Waits for an access log line that `is_it`.
    #[track_caller]
    pub fn wait_access(&self, what: &str, mut is_it: impl FnMut(&Value) -> bool) -> Value {
        wait::until(what, || self.access_log().into_iter().find(|line| is_it(line)))
    }

    /// Waits for a line of the gateway's own log that contains `text`.
    #[track_caller]
    pub fn wait_log(&self, text: &str) -> String {
        wait::until(text, || self.stderr.lock().iter().find(|line| line.contains(text)).cloned())
    }

    /// All of the gateway's own log so far.
    pub fn log(&self) -> String {
        self.stderr.lock().join("\n")
    }

    /// Both outputs so far, as they are.
    pub fn everything(&self) -> String {
        self.stdout.lock().join("\n") + &self.log()
    }

    /// All of standard error, of a process that has ended.
    pub(super) fn whole_stderr(&self) -> String {
        self.stderr.join();
        self.log()
    }

    /// All of the access log, of a process that has ended.
    pub fn whole_access_log(&self) -> Vec<Value> {
        self.stdout.join();
        self.access_log()
    }
}

impl Lines {
    fn read(output: impl Read + Send + 'static) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&lines);
        let reader = thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                shared.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Self { lines, reader: Mutex::new(Some(reader)) }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self) {
        if let Some(reader) = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take() {
            reader.join().expect("the reader of a log");
        }
    }
}
