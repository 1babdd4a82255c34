//! What is wrong with a line, in words for a person.

use super::object::{Name, Object, Scalar};
use crate::input::number::shown;

/// Says why a value is taken for nothing, and what to do about it.
#[cold]
pub(super) fn refused(name: &Name, value: Scalar) -> String {
    let (shown, text) = (name.shown(), &name.text);
    match value {
        Scalar::Bool(_) => format!(
            "field `{shown}` is a boolean; write 1 or 0, take it as a label (`--labels {text}`) or leave it out \
             (`--ignore-columns {text}`)"
        ),
        other => format!(
            "field `{shown}` is {}; one row has one value for each name; leave it out: `--ignore-columns {text}`",
            kind(other)
        ),
    }
}

pub(super) fn kind(value: Scalar) -> &'static str {
    match value {
        Scalar::Null => "null",
        Scalar::Bool(_) => "a boolean",
        Scalar::Unsigned(_) | Scalar::Signed(_) | Scalar::Float(_) => "a number",
        Scalar::Text(..) => "a text",
        Scalar::Array => "an array",
    }
}

/// What is wrong with a line.
pub(super) struct Wrong {
    pub(super) message: String,
    /// Whether it stops inside its object.
    pub(super) cut: bool,
}

pub(super) fn read(object: &mut Object, line: &[u8]) -> Result<(), Wrong> {
    let wrong = |message: &str| Wrong { message: message.to_owned(), cut: false };
    let Ok(text) = std::str::from_utf8(line) else {
        // A character may be cut too.
        return Err(Wrong {
            message: "is not valid UTF-8".to_owned(),
            cut: std::str::from_utf8(line).is_err_and(|error| error.error_len().is_none()),
        });
    };
    match text.trim_ascii_start().as_bytes() {
        [b'{', ..] => object.read(text).map_err(|error| describe(text, &error)),
        [b'[', ..] => Err(wrong("is a JSON array; expected one object per line: `jq -c '.[]'`")),
        [0, ..] => Err(wrong("has NUL bytes")),
        _ => Err(wrong(&format!("`{}` is not a JSON object", shown(text.trim_ascii())))),
    }
}

/// Describes an error of the JSON reader for a person.
#[cold]
fn describe(line: &str, error: &serde_json::Error) -> Wrong {
    let mut message = error.to_string();
    if let Some(at) = message.rfind(" at line ") {
        message.truncate(at);
    }
    let cut = error.is_eof();
    let column = error.column();
    let tail = line.get(column.saturating_sub(1)..).unwrap_or("");
    let bare = ["NaN", "nan", "Infinity", "Inf", "inf", "None", "True", "False"];
    let message = if cut {
        "the object has no end; expected one whole object per line (`jq -c .` writes them this way)".to_owned()
    } else if message == "number out of range" {
        "a number is beyond the range of a 64-bit float".to_owned()
    } else if message == "recursion limit exceeded" {
        "objects are nested too deeply".to_owned()
    } else if message == "trailing characters" {
        format!("something follows the object at column {column}; expected one object per line")
    } else if let Some(word) = bare.iter().find(|word| tail.starts_with(**word)) {
        match *word {
            "None" | "True" | "False" => format!("`{word}` at column {column} is Python, not JSON"),
            _ => format!("`{word}` at column {column} is not JSON; write it as text: \"NaN\", \"+Inf\" or \"-Inf\""),
        }
    } else if error.is_data() {
        message
    } else {
        format!("is not JSON: {message} at column {column}")
    };
    Wrong { message, cut }
}
