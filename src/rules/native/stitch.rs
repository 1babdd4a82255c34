//! Puts an expression together from what a rule's keys hold, so that each part still knows where it was written.

use crate::labels::Quoted;
use crate::promql::parse::parse;
use crate::source::{FileId, Located, Piece, Span, TextMap};

/// A text in the making.
#[derive(Debug, Default)]
pub(super) struct Stitched {
    text: String,
    pieces: Vec<Piece>,
}

impl Stitched {
    /// Adds words that stand nowhere in the file; their place is the end of what was copied before them.
    pub(super) fn add(&mut self, words: &str) -> &mut Self {
        self.text.push_str(words);
        self
    }

    /// Adds a text of the file.
    pub(super) fn copy(&mut self, located: &Located) -> &mut Self {
        let base = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        let pieces = located.map.pieces().iter().filter(|piece| piece.len > 0);
        self.pieces.extend(pieces.map(|piece| Piece { text: piece.text.saturating_add(base), ..*piece }));
        self.add(&located.text)
    }

    /// Returns the text as written at `span`.
    pub(super) fn finish(self, file: FileId, span: Span) -> Located {
        let map = if self.pieces.is_empty() { TextMap::verbatim(span.start, 0) } else { TextMap::new(self.pieces) };
        Located { text: self.text, file, span, map }
    }
}

/// What a rule reads: a metric and conditions on its labels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Series<'a> {
    /// The metric's name.
    pub(super) metric: &'a Located,
    /// The inside of the braces.
    pub(super) matchers: Option<&'a Located>,
}

impl Series<'_> {
    /// Adds the selector, over a window if there is one.
    pub(super) fn select(self, window: Option<&Located>, to: &mut Stitched) {
        let matchers = self.matchers.filter(|matchers| !matchers.text.trim().is_empty());
        let bare = is_plain_word(&self.metric.text);
        if bare {
            to.copy(self.metric);
        } else {
            let quoted = Quoted(&self.metric.text).to_string();
            to.add("{");
            if quoted.len() == self.metric.text.len() + 2 {
                to.add("\"").copy(self.metric).add("\"");
            } else {
                to.add(&quoted);
            }
        }
        if let Some(matchers) = matchers {
            to.add(if bare { "{" } else { "," }).copy(matchers);
        }
        if !bare || matchers.is_some() {
            to.add("}");
        }
        if let Some(window) = window {
            to.add("[").copy(window).add("]");
        }
    }
}

/// Returns whether a metric name may stand without quotes wherever a selector may: it is one word and no keyword.
fn is_plain_word(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || b"_:".contains(&byte));
    let word = first && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(&byte));
    // After `and`, words such as `on` are keywords; everywhere else `inf` is a number.
    word && parse(&format!("last_over_time({name}[1m]) > 0 and {name}")).problems.is_empty()
}
