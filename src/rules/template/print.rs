//! Values as Go's `fmt` prints them: `print`, `println`, `printf`, and what an action leaves in the text.

use super::number_format::Spec;
use super::value::Value;
use super::{QueriedSample, TemplateData};
use crate::labels::{LabelSet, Quoted};
use crate::limits;

/// What Go prints in place of the address of a sample in a list, which differs from run to run there.
const ADDRESS: &str = "0xc000000000";

/// Prints values, and stops when the text becomes too long.
pub(super) struct Printer<'d> {
    /// What was printed so far.
    pub(super) out: String,
    data: &'d TemplateData<'d>,
}

impl<'d> Printer<'d> {
    /// Makes a printer with an empty text.
    pub(super) fn new(data: &'d TemplateData<'d>) -> Self {
        Self { out: String::new(), data }
    }

    fn is_full(&self) -> bool {
        self.out.len() > limits::TEMPLATE_BYTES
    }

    /// Appends what an action shows of a value: a pointer as what it points to, nothing as `<no value>`.
    pub(super) fn show(&mut self, value: &Value) {
        match value {
            Value::Nothing => self.out.push_str("<no value>"),
            Value::Sample(sample) => self.sample(sample, 'v', &Spec::default()),
            value => self.plain(value),
        }
    }

    /// Appends a value as `%v` does.
    fn plain(&mut self, value: &Value) {
        self.verb(value, 'v', &Spec::default());
    }

    /// Appends values with spaces between two that are no texts; `shown` as actions show them, not as `print` does.
    pub(super) fn list(&mut self, values: &[Value], shown: bool) {
        let mut after_text = true;
        for (at, value) in values.iter().enumerate() {
            let text = value.as_text().is_some() || (shown && matches!(value, Value::Nothing));
            if at > 0 && !text && !after_text {
                self.out.push(' ');
            }
            if shown {
                self.show(value);
            } else {
                self.plain(value);
            }
            after_text = text;
        }
    }

    /// Appends values with spaces between all, and a line end.
    pub(super) fn line(&mut self, values: &[Value]) {
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                self.out.push(' ');
            }
            self.plain(value);
        }
        self.out.push('\n');
    }

    /// Appends a value under a verb; one that has no such form as `%!d(string=..)`.
    pub(super) fn verb(&mut self, value: &Value, verb: char, spec: &Spec) {
        match (value, verb) {
            (Value::Nothing, 'v' | 'T') => spec.pad(&mut self.out, "<nil>"),
            (_, 'T') => spec.pad(&mut self.out, value.type_name()),
            (Value::Sample(sample), _) if verb != 'p' => {
                self.out.push('&');
                self.sample(sample, verb, spec);
            }
            (value, verb) => self.inner(value, verb, spec),
        }
    }

    /// Appends a value, or an element of one.
    fn inner(&mut self, value: &Value, verb: char, spec: &Spec) {
        if self.is_full() {
            return;
        }
        match (value, verb) {
            (Value::Nothing, 'v') => spec.pad(&mut self.out, "<nil>"),
            (Value::Bool(value), 'v' | 't') => spec.pad(&mut self.out, if *value { "true" } else { "false" }),
            (Value::Int(value), _) if self.integer(i128::from(*value), verb, spec) => {}
            (Value::Byte(value), _) if self.integer(i128::from(*value), verb, spec) => {}
            (Value::Float(value), 'v' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G') => {
                spec.float(&mut self.out, *value, verb);
            }
            (Value::Histogram(histogram), _) if self.text(&histogram.to_string(), verb, spec) => {}
            (Value::Text(text) | Value::Html(text), _) if self.text(text, verb, spec) => {}
            (Value::Time(time), _) if self.text(&time.to_string(), verb, spec) => {}
            (Value::Duration(duration), _) if self.text(&duration.to_string(), verb, spec) => {}
            (Value::Labels(labels), _) if verb != 'p' => self.labels(labels, verb, spec),
            (Value::Args(args), _) if verb != 'p' => {
                self.out.push_str("map[");
                for (at, (name, value)) in args.values.iter().enumerate() {
                    if at > 0 {
                        self.out.push(' ');
                    }
                    self.element(name, verb, spec);
                    self.out.push(':');
                    match value {
                        Value::Sample(_) => self.out.push_str(ADDRESS),
                        Value::Nothing => self.out.push_str("<nil>"),
                        value => self.inner(value, verb, spec),
                    }
                }
                self.out.push(']');
            }
            (Value::Samples(samples), _) if verb != 'p' => {
                let count = samples.borrow().len();
                self.out.push('[');
                for at in 0..count {
                    if self.is_full() {
                        break;
                    }
                    self.out.push_str(if at > 0 { " " } else { "" });
                    self.out.push_str(ADDRESS);
                }
                self.out.push(']');
            }
            (Value::Data, _) if verb != 'p' => {
                let data = self.data;
                self.out.push('{');
                self.labels(data.labels, verb, spec);
                self.out.push(' ');
                self.labels(data.external_labels, verb, spec);
                self.out.push(' ');
                self.element(data.external_url, verb, spec);
                self.out.push(' ');
                self.inner(&Value::from(data.value), verb, spec);
                self.out.push('}');
            }
            _ => self.bad_verb(value, verb, spec),
        }
    }

    fn bad_verb(&mut self, value: &Value, verb: char, spec: &Spec) {
        self.out.push_str("%!");
        self.out.push(verb);
        self.out.push('(');
        self.typed(value, spec);
        self.out.push(')');
    }

    /// Appends `type=value`.
    fn typed(&mut self, value: &Value, spec: &Spec) {
        if matches!(value, Value::Nothing) {
            self.out.push_str("<nil>");
            return;
        }
        self.out.push_str(value.type_name());
        self.out.push('=');
        self.verb(value, 'v', spec);
    }

    fn sample(&mut self, sample: &QueriedSample, verb: char, spec: &Spec) {
        self.out.push('{');
        self.labels(&sample.labels, verb, spec);
        self.out.push(' ');
        self.inner(&Value::from(&sample.value), verb, spec);
        self.out.push('}');
    }

    fn labels(&mut self, labels: &LabelSet, verb: char, spec: &Spec) {
        self.out.push_str("map[");
        for (at, (name, value)) in labels.iter().enumerate() {
            if self.is_full() {
                break;
            }
            if at > 0 {
                self.out.push(' ');
            }
            self.element(name, verb, spec);
            self.out.push(':');
            self.element(value, verb, spec);
        }
        self.out.push(']');
    }

    /// Appends a text inside a map or struct.
    fn element(&mut self, text: &str, verb: char, spec: &Spec) {
        if !self.text(text, verb, spec) {
            self.bad_verb(&Value::text(text), verb, spec);
        }
    }

    /// Appends a whole number, if the verb has a form for it.
    fn integer(&mut self, value: i128, verb: char, spec: &Spec) -> bool {
        let c = u32::try_from(value).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
        match verb {
            'v' | 'd' => spec.integer(&mut self.out, value, 'd'),
            'b' | 'o' | 'O' | 'x' | 'X' => spec.integer(&mut self.out, value, verb),
            'c' => spec.pad(&mut self.out, c.encode_utf8(&mut [0; 4])),
            'q' => {
                let quoted = match c {
                    '\'' => "'\\''".to_owned(),
                    '"' => "'\"'".to_owned(),
                    c => Quoted(c.encode_utf8(&mut [0; 4])).to_string().replace('"', "'"),
                };
                spec.pad(&mut self.out, &quoted);
            }
            'U' => {
                let digits = spec.precision.unwrap_or(4).max(4);
                let mut text = format!("U+{:0>digits$}", format!("{value:X}"), digits = digits.min(60_000));
                if spec.sharp {
                    text.push_str(&format!(" '{c}'"));
                }
                Spec { zero: false, ..*spec }.pad(&mut self.out, &text);
            }
            _ => return false,
        }
        true
    }

    /// Appends a text, if the verb has a form for it.
    fn text(&mut self, text: &str, verb: char, spec: &Spec) -> bool {
        let cut = |text: &'_ str| match spec.precision {
            Some(most) => text.chars().take(most).collect::<String>(),
            None => text.to_owned(),
        };
        match verb {
            'v' | 's' => spec.pad(&mut self.out, &cut(text)),
            'q' => {
                let text = cut(text);
                if spec.sharp && !text.contains(|c: char| c == '`' || (c.is_control() && c != '\t')) {
                    spec.pad(&mut self.out, &format!("`{text}`"));
                } else if spec.plus {
                    let ascii = Quoted(&text).to_string().chars().map(ascii).collect::<String>();
                    spec.pad(&mut self.out, &ascii);
                } else {
                    spec.pad(&mut self.out, &Quoted(&text).to_string());
                }
            }
            'x' | 'X' => {
                let bytes = text.as_bytes();
                let bytes = &bytes[..spec.precision.unwrap_or(bytes.len()).min(bytes.len())];
                let prefix = match (spec.sharp, verb) {
                    (false, _) => "",
                    (true, 'x') => "0x",
                    (true, _) => "0X",
                };
                let mut hex = String::new();
                for (at, byte) in bytes.iter().enumerate() {
                    if at > 0 && spec.space {
                        hex.push(' ');
                    }
                    if at == 0 || spec.space {
                        hex.push_str(prefix);
                    }
                    hex.push_str(&if verb == 'x' { format!("{byte:02x}") } else { format!("{byte:02X}") });
                }
                spec.pad(&mut self.out, &hex);
            }
            _ => return false,
        }
        true
    }

    /// Appends values as a format asks.
    ///
    /// Source: Go's `fmt.Sprintf`.
    pub(super) fn format(&mut self, format: &str, values: &[Value]) {
        let mut state = Format { rest: format, values, next: 0, good: true, reordered: false };
        while let Some(found) = state.rest.find('%') {
            self.out.push_str(&state.rest[..found]);
            state.rest = &state.rest[found + 1..];
            if self.is_full() {
                return;
            }
            self.directive(&mut state);
        }
        self.out.push_str(state.rest);
        if !state.reordered && state.next < values.len() {
            self.out.push_str("%!(EXTRA ");
            for (at, value) in values[state.next..].iter().enumerate() {
                self.out.push_str(if at > 0 { ", " } else { "" });
                self.typed(value, &Spec::default());
            }
            self.out.push(')');
        }
    }

    /// Appends what stands after one `%`.
    fn directive(&mut self, state: &mut Format<'_>) {
        let mut spec = Spec::default();
        state.good = true;
        while let Some(flag) = state.take(|c| matches!(c, '#' | '0' | '+' | '-' | ' ')) {
            match flag {
                '#' => spec.sharp = true,
                '0' => spec.zero = true,
                '+' => spec.plus = true,
                '-' => spec.minus = true,
                _ => spec.space = true,
            }
        }
        let mut indexed = state.index();
        if state.take(|c| c == '*').is_some() {
            match state.star() {
                Some(width) => {
                    spec.width = Some(width.unsigned_abs());
                    spec.minus |= width < 0;
                }
                None => self.out.push_str("%!(BADWIDTH)"),
            }
            indexed = false;
        } else {
            spec.width = state.digits();
            if indexed && spec.width.is_some() {
                state.good = false;
            }
        }
        if state.take(|c| c == '.').is_some() {
            if indexed {
                state.good = false;
            }
            indexed = state.index();
            if state.take(|c| c == '*').is_some() {
                match state.star() {
                    Some(digits) => spec.precision = usize::try_from(digits).ok(),
                    None => self.out.push_str("%!(BADPREC)"),
                }
                indexed = false;
            } else {
                spec.precision = Some(state.digits().unwrap_or(0));
            }
        }
        if !indexed {
            state.index();
        }
        let Some(verb) = state.take(|_| true) else {
            self.out.push_str("%!(NOVERB)");
            return;
        };
        let wrong = |what: &str| format!("%!{verb}({what})");
        if verb == '%' {
            self.out.push('%');
        } else if !state.good {
            self.out.push_str(&wrong("BADINDEX"));
        } else if let Some(value) = state.values.get(state.next) {
            state.next += 1;
            self.verb(value, verb, &spec);
        } else {
            self.out.push_str(&wrong("MISSING"));
        }
    }
}

/// Where `printf` is in its format and its values.
struct Format<'f> {
    rest: &'f str,
    values: &'f [Value],
    next: usize,
    /// Whether the index of the value (`[2]`) makes sense.
    good: bool,
    /// Whether any value was named by its index.
    reordered: bool,
}

impl Format<'_> {
    /// Takes one character that satisfies the condition.
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        let c = self.rest.chars().next().filter(|c| wanted(*c))?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    /// Takes a number; one too large for Go is none.
    fn digits(&mut self) -> Option<usize> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let digits = &self.rest[..end];
        self.rest = &self.rest[end..];
        digits.parse().ok().filter(|number| *number <= 1_000_000)
    }

    /// Takes the index of a value in brackets, and tells whether there was one.
    fn index(&mut self) -> bool {
        if !self.rest.starts_with('[') {
            return false;
        }
        self.reordered = true;
        let Some(end) = self.rest.find(']') else {
            self.good = false;
            self.rest = &self.rest[1..];
            return false;
        };
        let index = self.rest[1..end].parse::<usize>().ok();
        self.rest = &self.rest[end + 1..];
        match index {
            Some(index) if index >= 1 && index <= self.values.len() => self.next = index - 1,
            _ => self.good = false,
        }
        true
    }

    /// Takes the value for a `*`.
    fn star(&mut self) -> Option<isize> {
        let value = self.values.get(self.next)?;
        self.next += 1;
        match value {
            Value::Int(number) if number.unsigned_abs() <= 1_000_000 => isize::try_from(*number).ok(),
            Value::Byte(number) => Some(isize::from(*number)),
            _ => None,
        }
    }
}

/// Writes a character outside of ASCII as an escape.
fn ascii(c: char) -> String {
    match c as u32 {
        code if code < 0x80 => c.to_string(),
        code if code < 0x10000 => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    }
}
