//! JSON as Go reads it: keys in whatever case, `null` for what is not there. Errors name the field.

use serde_json::{Map, Value};

/// Why a JSON file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// It is not JSON.
    #[error("line {line}, column {column}: {problem}")]
    Syntax {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong there.
        problem: String,
    },
    /// A value is of another kind.
    #[error("{field}: {expected} is expected, and this is {found}")]
    Kind {
        /// Which field, from the file's top.
        field: String,
        /// What cfssl has there.
        expected: &'static str,
        /// What stands there.
        found: &'static str,
    },
}

/// An object, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Object<'a> {
    path: String,
    fields: &'a Map<String, Value>,
}

/// Parses a file's text.
pub(super) fn parse(text: &[u8]) -> Result<Value, JsonError> {
    serde_json::from_slice(text).map_err(|error| {
        let said = error.to_string();
        let problem = said.rsplit_once(" at line ").map_or(said.as_str(), |(problem, _)| problem).to_owned();
        JsonError::Syntax { line: error.line(), column: error.column(), problem }
    })
}

impl<'a> Object<'a> {
    /// The whole file.
    pub(super) fn top(value: &'a Value) -> Result<Self, JsonError> {
        Self::at(String::new(), value)
    }

    fn at(path: String, value: &'a Value) -> Result<Self, JsonError> {
        match value {
            Value::Object(fields) => Ok(Self { path, fields }),
            other => {
                let field = if path.is_empty() { "the file".to_owned() } else { path };
                Err(kind(field, "an object", other))
            }
        }
    }

    /// Where a field of it stands.
    pub(super) fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn value(&self, key: &str) -> Option<&'a Value> {
        let exact = self.fields.get(key);
        let any_case =
            || self.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value);
        exact.or_else(any_case).filter(|value| !value.is_null())
    }

    /// A string.
    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, JsonError> {
        self.get(key, "a string", Value::as_str)
    }

    /// A string that is not empty.
    pub(super) fn some_text(&self, key: &str) -> Result<Option<String>, JsonError> {
        Ok(self.text(key)?.filter(|text| !text.is_empty()).map(str::to_owned))
    }

    /// A whole number.
    pub(super) fn number(&self, key: &str) -> Result<Option<i64>, JsonError> {
        self.get(key, "a whole number", Value::as_i64)
    }

    /// `true` or `false`; without it, `false`.
    pub(super) fn flag(&self, key: &str) -> Result<bool, JsonError> {
        self.get(key, "true or false", Value::as_bool).map(Option::unwrap_or_default)
    }

    fn get<T>(
        &self,
        key: &str,
        expected: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, JsonError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| kind(self.path(key), expected, value))
    }

    /// An object.
    pub(super) fn object(&self, key: &str) -> Result<Option<Self>, JsonError> {
        self.value(key).map(|value| Self::at(self.path(key), value)).transpose()
    }

    /// A list of objects.
    pub(super) fn objects(&self, key: &str) -> Result<Vec<Self>, JsonError> {
        let list = self.get(key, "a list", Value::as_array)?;
        let values = list.into_iter().flatten().enumerate();
        values.map(|(index, value)| Self::at(format!("{}[{index}]", self.path(key)), value)).collect()
    }

    /// A list of strings, each with where it stands.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<(String, &'a str)>, JsonError> {
        let list = self.get(key, "a list", Value::as_array)?;
        let values = list.into_iter().flatten().enumerate();
        let text = |(index, value): (usize, &'a Value)| {
            let path = format!("{}[{index}]", self.path(key));
            match value.as_str() {
                Some(text) => Ok((path, text)),
                None => Err(kind(path, "a string", value)),
            }
        };
        values.map(text).collect()
    }

    /// Objects by their names.
    pub(super) fn entries(&self) -> impl Iterator<Item = Result<(&'a str, Self), JsonError>> {
        self.fields
            .iter()
            .map(|(key, value)| Self::at(self.path(key), value).map(|object| (key.as_str(), object)))
    }

    /// The names of its fields.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.fields.keys().map(String::as_str)
    }

    /// Its fields that are none of `known`, where they stand.
    pub(super) fn unknown(&self, known: &[&str]) -> Vec<String> {
        let is_known = |key: &&String| known.iter().any(|known| known.eq_ignore_ascii_case(key));
        self.fields.keys().filter(|key| !is_known(key)).map(|key| self.path(key)).collect()
    }

    /// The first of `keys` that says something.
    pub(super) fn says(&self, keys: &[&'static str]) -> Option<&'static str> {
        let is_empty = |value: &Value| match value {
            Value::Bool(flag) => !flag,
            Value::Number(number) => number.as_i64() == Some(0),
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            Value::Null => true,
        };
        keys.iter().copied().find(|key| self.value(key).is_some_and(|value| !is_empty(value)))
    }
}

fn kind(field: String, expected: &'static str, value: &Value) -> JsonError {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    JsonError::Kind { field, expected, found }
}
