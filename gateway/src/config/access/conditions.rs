//! `[[policy]]`, `[[application.policy]]` and `[[group]]`: rules, and what becomes of those that they match.

use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Span, Spanned, Value};

use crate::config::value::{Parsed, inner, invalid, word};
use crate::model::duration::GoDuration;
use crate::model::id::{Reference, ResourceId};
use crate::model::policy::Decision;
use crate::model::rule::Rule;

/// Any of `include`, all of `require`, none of `exclude`.
#[derive(Debug)]
pub struct Conditions {
    /// At least one must hold. Never empty.
    pub include: Vec<Spanned<Rule>>,
    /// All must hold.
    pub require: Vec<Spanned<Rule>>,
    /// None may hold.
    pub exclude: Vec<Spanned<Rule>>,
}

impl Conditions {
    fn read(table: &mut TableHelper<'_>, span: Span) -> Option<Self> {
        let include = table.required::<Vec<Spanned<Rule>>>("include");
        let require = table.optional("require").unwrap_or_default();
        let exclude = table.optional("exclude").unwrap_or_default();
        if include.as_ref().is_ok_and(Vec::is_empty) {
            table.errors.extend(invalid("`include` needs at least one rule".to_owned(), span).errors);
        }
        include.ok().map(|include| Self { include, require, exclude })
    }
}

/// A policy: an application's own, or one that applications share.
#[derive(Debug)]
pub struct Policy {
    /// Its id, where it is given.
    pub id: Option<ResourceId>,
    /// What the operator calls it.
    pub name: Spanned<String>,
    /// What it decides.
    pub decision: Decision,
    /// About whom.
    pub conditions: Conditions,
    /// How long a session lasts that it permits.
    pub session_duration: Option<GoDuration>,
}

/// Rules under a name.
#[derive(Debug)]
pub struct Group {
    /// Its id, where it is given.
    pub id: Option<ResourceId>,
    /// What the operator calls it.
    pub name: Spanned<String>,
    /// Its rules.
    pub conditions: Conditions,
}

impl Policy {
    /// Its id: the one that is given, or the one that follows from its name. `application` is the domain of the one that it
    /// is part of; nothing where applications share it.
    pub fn id(&self, application: &str) -> ResourceId {
        let within = if application.is_empty() { "" } else { "\0" };
        let name = || format!("{application}{within}{}", self.name.value);
        self.id.unwrap_or_else(|| ResourceId::derived("policy", &name()))
    }

    /// Whether `reference` means it, which applications share.
    pub fn is(&self, reference: &Reference) -> bool {
        match reference {
            Reference::Id(id) => *id == self.id(""),
            Reference::Name(name) => **name == *self.name.value,
        }
    }
}

impl Group {
    /// Its id: the one that is given, or the one that follows from its name.
    pub fn id(&self) -> ResourceId {
        self.id.unwrap_or_else(|| ResourceId::derived("group", &self.name.value))
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let span = value.span;
        let mut table = TableHelper::new(value)?;
        let id = table.optional::<Parsed<ResourceId>>("id").map(|id| id.0);
        let name = table.required_s("name");
        let decision = table.required("decision");
        let conditions = Conditions::read(&mut table, span);
        let session_duration = table.optional::<Parsed<GoDuration>>("session_duration").map(|time| time.0);
        table.finalize(None)?;
        let conditions = conditions.ok_or_else(|| invalid("`include` is missing".to_owned(), span))?;
        Ok(Self { id, name: name?, decision: decision?, conditions, session_duration })
    }
}

impl<'de> Deserialize<'de> for Group {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let span = value.span;
        let mut table = TableHelper::new(value)?;
        let id = table.optional::<Parsed<ResourceId>>("id").map(|id| id.0);
        let name = table.required_s::<Parsed<String>>("name").map(inner);
        let conditions = Conditions::read(&mut table, span);
        table.finalize(None)?;
        let conditions = conditions.ok_or_else(|| invalid("`include` is missing".to_owned(), span))?;
        Ok(Self { id, name: name?, conditions })
    }
}

impl<'de> Deserialize<'de> for Decision {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        word(
            value,
            &[Self::Allow, Self::Deny, Self::NonIdentity, Self::Bypass]
                .map(|decision| (decision.as_str(), decision)),
        )
    }
}

/// What reads as an id means the resource with this id, and everything else one with this name.
pub(super) fn reference_of(text: &str) -> Reference {
    text.parse().map_or_else(|_| Reference::Name(text.into()), Reference::Id)
}
