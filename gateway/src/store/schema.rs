//! The form of what is kept, and how documents of older gateways come into it.

use serde_json::Value;

use crate::model::kind::Kind;

/// Brings a document from one version of the schema to the next.
pub(super) type Step = fn(Kind, &mut Value);

/// Steps from version 1 on, one a version. What stands here stays: somebody may come from any version.
const STEPS: &[Step] = &[];

/// A schema: as many versions as steps, and one.
#[derive(Clone, Copy)]
pub(super) struct Schema {
    steps: &'static [Step],
}

impl Schema {
    /// Today's.
    pub(super) const CURRENT: Self = Self { steps: STEPS };

    /// One with these steps.
    #[cfg(test)]
    pub(super) const fn with(steps: &'static [Step]) -> Self {
        Self { steps }
    }

    /// Its version.
    pub(super) const fn version(self) -> u64 {
        self.steps.len() as u64 + 1
    }

    /// Brings a document here that is of `version`, which is not later.
    pub(super) fn bring(self, version: u64, kind: Kind, document: &mut Value) {
        let done = usize::try_from(version.saturating_sub(1)).unwrap_or(usize::MAX);
        for step in self.steps.get(done..).unwrap_or_default() {
            step(kind, document);
        }
    }
}
