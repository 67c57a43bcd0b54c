//! What is wrong with a configuration: each problem names the thing, the place and the remedy.

use std::fmt;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde_json::json;
use toml_span::{DeserError, ErrorKind, Span};

use super::source::{Source, StoredPlace, is_stored};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nothing is started or reloaded with it.
    Error,
    /// It loads, and the operator should know.
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Problem {
    severity: Severity,
    span: Option<Span>,
    message: String,
    remedy: Option<String>,
    taken: bool,
}

/// Where a problem is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the file.
    File {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// In a document that is not in the file.
    Stored(StoredPlace),
    /// Nowhere in particular.
    Nowhere,
}

impl Problem {
    /// Something that must not be loaded.
    pub fn error(message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, span: None, message: message.into(), remedy: None, taken: false }
    }

    /// Something that loads, and that the operator should know of.
    pub fn warning(message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(message) }
    }

    /// Where in the file it is.
    #[must_use]
    pub fn at(self, span: Span) -> Self {
        Self { span: Some(span), ..self }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    /// Something else has the name, the id or the place that this is about.
    #[must_use]
    pub fn taken(self) -> Self {
        Self { taken: true, ..self }
    }

    /// Whether something else has the name, the id or the place that this is about.
    pub fn is_taken(&self) -> bool {
        self.taken
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn how_to_mend(&self) -> Option<&str> {
        self.remedy.as_deref()
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.severity
    }
}

/// Problems of one file.
#[derive(Clone, Debug)]
pub struct Problems {
    source: Arc<Source>,
    problems: Vec<Problem>,
}

impl Problems {
    /// The problems found in `source`.
    pub fn new(source: &Arc<Source>, problems: Vec<Problem>) -> Self {
        Self { source: Arc::clone(source), problems }
    }

    /// Whether any of them forbids loading.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.problems.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter()
    }

    /// Where one of them is.
    pub fn place(&self, problem: &Problem) -> Place {
        match problem.span {
            None => Place::Nowhere,
            Some(span) if is_stored(span) => self.source.stored(span).map_or(Place::Nowhere, Place::Stored),
            Some(span) => {
                let (line, column) = self.source.position(span.start);
                Place::File { line, column }
            }
        }
    }

    /// A line each, `file:line:column: severity: message; remedy`: for logs and for replies.
    pub fn lines(&self) -> Vec<String> {
        self.problems.iter().map(|problem| self.line(problem)).collect()
    }

    /// The problems with an excerpt of the file and a caret under the place: for people.
    pub fn render(&self) -> String {
        let path = self.source.path().display().to_string();
        let mut rendered = String::new();
        for problem in &self.problems {
            let level = match problem.severity {
                Severity::Error => Level::ERROR,
                Severity::Warning => Level::WARNING,
            };
            let stored = match self.place(problem) {
                Place::Stored(place) => format!("{place}: "),
                Place::File { .. } | Place::Nowhere => String::new(),
            };
            let title = format!("{stored}{}", problem.message);
            let in_file = problem.span.filter(|span| !is_stored(*span));
            let mut group = level.primary_title(title.as_str()).elements(in_file.map(|span| {
                let text = self.source.text();
                // At least a character, and whole ones: the parser's spans may be empty or end inside one.
                let start = text.floor_char_boundary(span.start);
                let end = text.ceil_char_boundary(span.end.max(start + 1));
                Snippet::source(text).path(path.as_str()).annotation(AnnotationKind::Primary.span(start..end))
            }));
            if let Some(remedy) = &problem.remedy {
                group = group.element(Level::HELP.message(remedy.as_str()));
            }
            rendered.push_str(&Renderer::plain().render(&[group]));
            rendered.push('\n');
        }
        rendered
    }

    /// The problems for a script.
    pub fn json(&self) -> serde_json::Value {
        self.problems.iter().map(|problem| self.json_of(problem)).collect()
    }

    fn json_of(&self, problem: &Problem) -> serde_json::Value {
        let (position, stored) = match self.place(problem) {
            Place::File { line, column } => (Some((line, column)), None),
            Place::Stored(place) => (None, Some(place)),
            Place::Nowhere => (None, None),
        };
        let severity = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let file = stored.is_none().then(|| self.source.path().display().to_string());
        let stored = stored.map(|StoredPlace { kind, id, pointer }| {
            json!({ "kind": kind.as_str(), "id": id.as_str(), "pointer": pointer })
        });
        json!({
            "severity": severity,
            "file": file,
            "line": position.map(|(line, _)| line),
            "column": position.map(|(_, column)| column),
            "stored": stored,
            "message": problem.message,
            "remedy": problem.remedy,
        })
    }

    /// Each with its place, `file:line:column: message`, and its remedy apart.
    pub fn told(&self) -> impl Iterator<Item = (Severity, String, Option<&str>)> {
        self.problems.iter().map(|problem| {
            let says = format!("{}: {}", self.place_in_words(problem), problem.message);
            (problem.severity, says, problem.remedy.as_deref())
        })
    }

    fn place_in_words(&self, problem: &Problem) -> String {
        let path = self.source.path().display();
        match self.place(problem) {
            Place::File { line, column } => format!("{path}:{line}:{column}"),
            Place::Stored(place) => format!("stored {place}"),
            Place::Nowhere => path.to_string(),
        }
    }

    fn line(&self, problem: &Problem) -> String {
        let mut line = self.place_in_words(problem);
        line.push_str(match problem.severity {
            Severity::Error => ": error: ",
            Severity::Warning => ": warning: ",
        });
        line.push_str(&problem.message);
        if let Some(remedy) = &problem.remedy {
            line.push_str("; ");
            line.push_str(remedy);
        }
        line
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.problems.into_iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

impl std::error::Error for Problems {}

/// The parser's errors in our words.
pub(super) fn from_toml(errors: DeserError) -> Vec<Problem> {
    errors.errors.into_iter().flat_map(from_toml_error).collect()
}

fn from_toml_error(error: toml_span::Error) -> Vec<Problem> {
    let span = error.span;
    match error.kind {
        ErrorKind::UnexpectedKeys { keys, expected } => {
            keys.into_iter().map(|(key, span)| unknown_key(&key, &expected).at(span)).collect()
        }
        ErrorKind::MissingField(key) => {
            vec![
                Problem::error(format!("`{key}` is missing"))
                    .at(span)
                    .remedy(format!("add `{key}` to this table")),
            ]
        }
        _ => vec![Problem::error(error.to_string()).at(span)],
    }
}

fn unknown_key(key: &str, expected: &[String]) -> Problem {
    let nearest = expected.iter().max_by(|a, b| {
        let similarity = |other: &str| strsim::jaro_winkler(key, other);
        similarity(a).total_cmp(&similarity(b))
    });
    let problem = Problem::error(format!("unknown key `{key}`"));
    match nearest {
        Some(nearest) if strsim::jaro_winkler(key, nearest) > 0.8 => {
            problem.remedy(format!("did you mean `{nearest}`?"))
        }
        _ => problem.remedy(format!("known here: {}", expected.join(", "))),
    }
}
