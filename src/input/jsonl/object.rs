//! One line as fields: names are numbered once, values stand side by side in memory that is used again.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::input::keys::Keys;

/// The field whose object holds labels.
pub(super) const LABELS: &str = "labels";

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number from 0 on.
    Unsigned(u64),
    /// A whole number below 0.
    Signed(i64),
    /// Another number.
    Float(f64),
    /// A text: where it begins and ends in [`Object::texts`].
    Text(u32, u32),
    /// An object.
    Object,
    /// An array.
    Array,
}

impl Scalar {
    /// Appends the text of a label or a time; false where the value has none.
    pub(super) fn write(self, texts: &str, out: &mut Vec<u8>) -> bool {
        use std::io::Write;
        let written = match self {
            Self::Bool(value) => write!(out, "{value}"),
            Self::Unsigned(value) => write!(out, "{value}"),
            Self::Signed(value) => write!(out, "{value}"),
            Self::Float(value) => write!(out, "{value}"),
            Self::Text(from, to) => {
                out.extend_from_slice(&texts.as_bytes()[from as usize..to as usize]);
                Ok(())
            }
            Self::Null | Self::Object | Self::Array => return false,
        };
        written.is_ok()
    }
}

/// A name, and whether it stands under `labels`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) nested: bool,
    /// Whether the value is passed over, whatever it is.
    pub(super) ignored: bool,
}

impl Name {
    /// Returns the name as a message shows it.
    pub(super) fn shown(&self) -> String {
        let text = crate::input::number::shown(&self.text);
        if self.nested { format!("{LABELS}.{text}") } else { text }
    }
}

/// The fields of the line that was read last.
#[derive(Default)]
pub(super) struct Object {
    /// Name by number, and value, as they come.
    pub(super) fields: Vec<(u32, Scalar)>,
    /// The texts of the fields.
    pub(super) texts: String,
    /// All names seen so far.
    pub(super) names: Vec<Name>,
    /// Numbers names by `.` or `/` (nested) and their text.
    keys: Keys,
    /// The line in which a name was seen last, by number.
    seen: Vec<u64>,
    lines: u64,
    key: Vec<u8>,
    /// Names that are passed over.
    ignore: Vec<String>,
}

impl Object {
    pub(super) fn new(ignore: Vec<String>) -> Self {
        Self { ignore, ..Self::default() }
    }

    /// Reads one line; the error is what is wrong with it.
    pub(super) fn read(&mut self, line: &str) -> Result<(), serde_json::Error> {
        self.fields.clear();
        self.texts.clear();
        self.lines += 1;
        let mut json = serde_json::Deserializer::from_str(line);
        json.deserialize_map(Fields { object: self, nested: false })?;
        json.end()
    }

    fn name(&mut self, text: &str, nested: bool) -> u32 {
        self.key.clear();
        self.key.push(if nested { b'/' } else { b'.' });
        self.key.extend_from_slice(text.as_bytes());
        let (number, new) = self.keys.number(&self.key);
        if new {
            let ignored = self.ignore.iter().any(|name| name == text);
            self.names.push(Name { text: text.to_owned(), nested, ignored });
            self.seen.push(0);
        }
        number
    }

    fn text(&mut self, text: &str) -> Scalar {
        let from = self.texts.len();
        self.texts.push_str(text);
        // A line is shorter than 4 GiB, `limits::LINE_BYTES`.
        Scalar::Text(from as u32, self.texts.len() as u32)
    }
}

/// Reads the fields of an object.
struct Fields<'a> {
    object: &'a mut Object,
    nested: bool,
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { object, nested } = self;
        while let Some(name) = map.next_key_seed(NameOf { object, nested })? {
            let at = name as usize;
            if object.names[at].ignored {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if object.seen[at] == object.lines {
                return Err(A::Error::custom(format_args!("`{}` appears twice", object.names[at].shown())));
            }
            object.seen[at] = object.lines;
            let labels = !nested && object.names[at].text == LABELS;
            if let Some(value) = map.next_value_seed(ValueOf { object, labels })? {
                object.fields.push((name, value));
            }
        }
        Ok(())
    }
}

/// Reads a name as its number.
struct NameOf<'a> {
    object: &'a mut Object,
    nested: bool,
}

impl<'de> DeserializeSeed<'de> for NameOf<'_> {
    type Value = u32;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u32, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameOf<'_> {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u32, E> {
        Ok(self.object.name(text, self.nested))
    }
}

/// Reads a value; none where it is the object of labels.
struct ValueOf<'a> {
    object: &'a mut Object,
    labels: bool,
}

impl<'de> DeserializeSeed<'de> for ValueOf<'_> {
    type Value = Option<Scalar>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueOf<'_> {
    type Value = Option<Scalar>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Some(Scalar::Null))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(Scalar::Bool(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(Scalar::Unsigned(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(Scalar::Signed(value)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(Scalar::Float(value)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(self.object.text(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Some(Scalar::Array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        if self.labels {
            Fields { object: self.object, nested: true }.visit_map(map)?;
            return Ok(None);
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Some(Scalar::Object))
    }
}
