//! What all pictures have in common.

use std::fmt::{self, Display};

/// The gateway's colour.
pub(super) const OURS: &str = "#1668b0";
/// How text looks.
pub(super) const STYLE: &str =
    "text{font:13px sans-serif;fill:#222}.head{font-weight:bold}.small{font-size:11px;fill:#666}";

/// A line of text.
pub(super) fn text(x: f64, y: f64, class: &str, content: impl Display) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{}</text>\n", Escaped(content))
}

/// Text that cannot be taken for markup.
pub(crate) struct Escaped<T>(pub(crate) T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = self.0.to_string();
        f.write_str(&content.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
    }
}
