//! One line as fields: names are numbered once, values stand side by side in memory that is used again.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::input::Form;
use crate::input::keys::Keys;
use crate::input::values::is_histogram;

/// The object that holds labels, where the form names no other.
const LABELS: &str = "labels";
/// Stands between the names of a path: no name of a field has it.
const BELOW: char = '\u{1f}';

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
            Self::Null | Self::Array => return false,
        };
        written.is_ok()
    }
}

/// The name of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// The name that its label or metric has; one of an object within the row is joined by underscores.
    pub(super) text: String,
    /// The names down to it, with [`BELOW`] between them.
    path: String,
    /// Whether it stands in the object of labels.
    pub(super) nested: bool,
    /// Whether it stands in the object of values.
    pub(super) value: bool,
    /// Whether the value is passed over, whatever it is.
    pub(super) ignored: bool,
}

impl Name {
    /// Returns the name as a message shows it, and a flag writes it: `labels.host`.
    pub(super) fn shown(&self) -> String {
        crate::input::number::shown(&self.path.replace(BELOW, "."))
    }

    /// Returns the name of a field that stands in no other object.
    pub(super) fn outer(&self) -> Option<&str> {
        (!self.path.contains(BELOW)).then_some(&self.path)
    }

    /// Returns whether a flag or a form means this name.
    pub(super) fn is(&self, wanted: &str) -> bool {
        self.text == wanted || self.path.replace(BELOW, ".") == wanted
    }

    /// Returns whether it stands in the object of this name.
    pub(super) fn is_in(&self, object: &str) -> bool {
        below(&self.path, object).is_some()
    }
}

/// Returns what of a path follows an object, which may be several names with points between them.
fn below<'a>(path: &'a str, object: &str) -> Option<&'a str> {
    let mut rest = path;
    for name in object.split('.') {
        rest = rest.strip_prefix(name)?.strip_prefix(BELOW)?;
    }
    Some(rest)
}

/// The fields of the line that was read last.
#[derive(Default)]
pub(super) struct Object {
    /// Name by number, and value, as they come.
    pub(super) fields: Vec<(u32, Scalar)>,
    /// The texts of the fields.
    pub(super) texts: String,
    /// Where those begin that may be native histograms: in `texts` and in the line, if nothing in them is escaped.
    histograms: Vec<(u32, usize)>,
    /// Where the line begins in memory.
    line: usize,
    /// All names seen so far.
    pub(super) names: Vec<Name>,
    /// Numbers names by their path.
    keys: Keys,
    /// The line in which a name was seen last, by number.
    seen: Vec<u64>,
    lines: u64,
    /// The path of the object at hand, with [`BELOW`] at its end.
    path: String,
    key: String,
    form: Form,
}

impl Object {
    pub(super) fn new(form: &Form) -> Self {
        Self { form: form.clone(), ..Self::default() }
    }

    /// Reads one line; the error is what is wrong with it.
    pub(super) fn read(&mut self, line: &str) -> Result<(), serde_json::Error> {
        self.fields.clear();
        self.texts.clear();
        self.histograms.clear();
        self.line = line.as_ptr() as usize;
        self.path.clear();
        self.lines += 1;
        let mut json = serde_json::Deserializer::from_str(line);
        json.deserialize_map(Fields { object: self })?;
        json.end()
    }

    fn name(&mut self, text: &str) -> u32 {
        self.key.clear();
        self.key.push_str(&self.path);
        self.key.push_str(text);
        let (number, new) = self.keys.number(self.key.as_bytes());
        if new {
            let name = self.describe(self.key.clone());
            self.names.push(name);
            self.seen.push(0);
        }
        number
    }

    #[cold]
    fn describe(&self, path: String) -> Name {
        let form = &self.form;
        let label = below(&path, form.labels_in.as_deref().unwrap_or(LABELS));
        let value = form.values_in.as_deref().and_then(|object| below(&path, object));
        let text = label.or(value).unwrap_or(&path).replace(BELOW, "_");
        let mut name = Name { nested: label.is_some(), value: value.is_some(), text, path, ignored: false };
        name.ignored = form.ignore_columns.iter().any(|ignored| name.is(ignored));
        if let Some((_, new)) = form.rename.iter().find(|(old, _)| name.is(old)) {
            name.text.clone_from(new);
        }
        name
    }

    /// Returns the column of a text that may be a native histogram, by where it begins in `texts`. Unit: bytes from 1.
    pub(super) fn column(&self, from: u32) -> Option<usize> {
        self.histograms.iter().find(|(text, _)| *text == from).map(|(_, at)| at + 1)
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
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { object } = self;
        while let Some(name) = map.next_key_seed(NameOf { object })? {
            let at = name as usize;
            if object.names[at].ignored {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if object.seen[at] == object.lines {
                return Err(A::Error::custom(format_args!("`{}` appears twice", object.names[at].shown())));
            }
            object.seen[at] = object.lines;
            if let Some(value) = map.next_value_seed(ValueOf { object, name })? {
                object.fields.push((name, value));
            }
        }
        Ok(())
    }
}

/// Reads a name as its number.
struct NameOf<'a> {
    object: &'a mut Object,
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
        Ok(self.object.name(text))
    }
}

/// Reads a value; none where it is an object, whose fields are those of the row.
struct ValueOf<'a> {
    object: &'a mut Object,
    name: u32,
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

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        let Self { object, .. } = self;
        if is_histogram(text) {
            object.histograms.push((object.texts.len() as u32, text.as_ptr() as usize - object.line));
        }
        Ok(Some(object.text(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Some(Scalar::Array))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let Self { object, name } = self;
        let above = object.path.len();
        object.path.clear();
        object.path.push_str(&object.names[name as usize].path);
        object.path.push(BELOW);
        Fields { object: &mut *object }.visit_map(map)?;
        object.path.truncate(above);
        Ok(None)
    }
}
