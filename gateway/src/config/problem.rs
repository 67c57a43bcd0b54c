//! What is wrong with a configuration: each problem names the thing, the place and the remedy.

use std::fmt;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde_json::json;
use toml_span::{DeserError, ErrorKind, Span};

use super::source::Source;

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
}

impl Problem {
    /// Something that must not be loaded.
    pub fn error(message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, span: None, message: message.into(), remedy: None }
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
            let mut group =
                level.primary_title(problem.message.as_str()).elements(problem.span.map(|span| {
                    let text = self.source.text();
                    // At least a character, and whole ones: the parser's spans may be empty or end inside one.
                    let start = text.floor_char_boundary(span.start);
                    let end = text.ceil_char_boundary(span.end.max(start + 1));
                    Snippet::source(text)
                        .path(path.as_str())
                        .annotation(AnnotationKind::Primary.span(start..end))
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
        self.problems
            .iter()
            .map(|problem| {
                let position = problem.span.map(|span| self.source.position(span.start));
                json!({
                    "severity": match problem.severity { Severity::Error => "error", Severity::Warning => "warning" },
                    "file": self.source.path().display().to_string(),
                    "line": position.map(|(line, _)| line),
                    "column": position.map(|(_, column)| column),
                    "message": problem.message,
                    "remedy": problem.remedy,
                })
            })
            .collect()
    }

    fn line(&self, problem: &Problem) -> String {
        use fmt::Write as _;
        let mut line = self.source.path().display().to_string();
        if let Some(span) = problem.span {
            let (number, column) = self.source.position(span.start);
            let _ = write!(line, ":{number}:{column}");
        }
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
