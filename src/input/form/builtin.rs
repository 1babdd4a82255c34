//! The forms that are recognized by themselves: each is a file next to this one.

use std::sync::LazyLock;

use super::Form;

/// The files by the name that `--form` takes, in the order in which they are tried.
const FILES: [(&str, &str); 17] = [
    ("k6", include_str!("builtin/k6.yml")),
    ("k6_json", include_str!("builtin/k6_json.yml")),
    ("locust", include_str!("builtin/locust.yml")),
    ("jmeter", include_str!("builtin/jmeter.yml")),
    ("sadf", include_str!("builtin/sadf.yml")),
    ("dstat", include_str!("builtin/dstat.yml")),
    ("telegraf", include_str!("builtin/telegraf.yml")),
    ("telegraf_batch", include_str!("builtin/telegraf_batch.yml")),
    ("nvidia_smi", include_str!("builtin/nvidia_smi.yml")),
    ("perfmon", include_str!("builtin/perfmon.yml")),
    ("home_assistant", include_str!("builtin/home_assistant.yml")),
    ("collectd", include_str!("builtin/collectd.yml")),
    ("collectd_several", include_str!("builtin/collectd_several.yml")),
    ("cloudwatch", include_str!("builtin/cloudwatch.yml")),
    ("cloudwatch_data", include_str!("builtin/cloudwatch_data.yml")),
    ("cloudwatch_console", include_str!("builtin/cloudwatch_console.yml")),
    ("grafana_rows", include_str!("builtin/grafana_rows.yml")),
];

/// The name of the form that says nothing, for recordings that look like another.
pub(in crate::input) const PLAIN: &str = "plain";

static FORMS: LazyLock<Vec<(&'static str, Form)>> = LazyLock::new(|| {
    // A test reads each of them.
    FILES.iter().filter_map(|(name, text)| Some((*name, Form::from_yaml(text).ok()?))).collect()
});

impl Form {
    /// Returns the built-in form of a name; `plain` is the one that says nothing.
    #[must_use]
    pub fn builtin(name: &str) -> Option<Self> {
        if name == PLAIN {
            return Some(Self::default());
        }
        FORMS.iter().find(|(known, _)| *known == name).map(|(_, form)| form.clone())
    }

    /// Returns the names of the built-in forms and what each is for.
    pub fn builtins() -> impl Iterator<Item = (&'static str, &'static str)> {
        FORMS.iter().map(|(name, form)| (*name, form.title.as_deref().unwrap_or_default()))
    }
}

/// Returns the forms that a recording may be written in, by its path and its beginning.
pub(in crate::input) fn recognize(path: &str, head: &[u8]) -> Vec<(&'static str, &'static Form)> {
    let head = head.trim_ascii_start();
    // Nothing else has these three.
    if ["timestamp", "metric", "value"].iter().all(|name| has_column(head, name)) {
        return Vec::new();
    }
    let fits = |form: &Form| {
        let Recognized { header, start, path: at } = Recognized::of(form, path, head);
        header && start && at
    };
    FORMS.iter().filter(|(_, form)| fits(form)).map(|(name, form)| (*name, form)).collect()
}

/// Which parts of [`super::Recognize`] are met; one that is not there is.
struct Recognized {
    header: bool,
    start: bool,
    path: bool,
}

impl Recognized {
    fn of(form: &Form, path: &str, head: &[u8]) -> Self {
        let wanted = &form.recognize;
        let json = matches!(head.first(), Some(b'{' | b'['));
        let header = |name: &String| if json { has_field(head, name) } else { has_column(head, name) };
        Self {
            header: wanted.header.iter().all(header),
            start: wanted.start.as_ref().is_none_or(|pattern| pattern.is_in(head)),
            path: wanted.path.as_ref().is_none_or(|pattern| pattern.is_in(path.as_bytes())),
        }
    }
}

/// Returns whether the first object of a text, which may stand in an array, has a field of this name.
fn has_field(head: &[u8], name: &str) -> bool {
    let objects = if head.first() == Some(&b'[') { 2 } else { 1 };
    let (mut depth, mut at) = (0, 0);
    while let Some(byte) = head.get(at) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == objects => return false,
            b'}' | b']' => depth -= 1,
            b'"' => {
                let from = at + 1;
                at = from;
                while head.get(at).is_some_and(|byte| *byte != b'"') {
                    at += if head[at] == b'\\' { 2 } else { 1 };
                }
                let is_name = || head.get(at + 1..).is_some_and(|rest| rest.trim_ascii_start().first() == Some(&b':'));
                if depth == objects && head.get(from..at) == Some(name.as_bytes()) && is_name() {
                    return true;
                }
            }
            _ => {}
        }
        at += 1;
    }
    false
}

/// Returns whether a column has this name in the first line that is neither blank nor about the file.
fn has_column(head: &[u8], name: &str) -> bool {
    let lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with(b"sep="));
    let Some(line) = lines.next() else { return false };
    let line = line.strip_prefix(b"#").unwrap_or(line);
    let mut cells = line.split(|byte| matches!(byte, b',' | b';' | b'\t'));
    cells.any(|cell| {
        let cell = cell.trim_ascii();
        let bare = cell.strip_prefix(b"\"").and_then(|cell| cell.strip_suffix(b"\"")).unwrap_or(cell);
        bare == name.as_bytes()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_form_can_be_read_and_says_how_it_is_recognized() {
        for (name, text) in FILES {
            let form = Form::from_yaml(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(form.title.is_some() && form.recognize != super::super::Recognize::default(), "{name}");
            assert_eq!(Form::from_yaml(&form.to_yaml()), Ok(form), "{name}");
        }
        assert_eq!(FORMS.len(), FILES.len());
        assert_eq!(Form::builtin(PLAIN), Some(Form::default()));
    }

    #[test]
    fn forms_are_recognized_by_their_beginning() {
        let names = |path: &str, head: &str| {
            recognize(path, head.as_bytes()).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(names("a.csv", "metric_name,timestamp,metric_value,url\n"), ["k6"]);
        assert_eq!(names("a.csv", "# hostname;interval;timestamp;CPU;%user\n"), ["sadf"]);
        assert_eq!(
            names("a.json", "{\"fields\":{\"a\":1},\"name\":\"cpu\",\"tags\":{},\"timestamp\":1}"),
            ["telegraf"]
        );
        assert_eq!(names("a.csv", "timestamp, name, power.draw [W]\n"), ["nvidia_smi"]);
        assert_eq!(names("web-1/cpu-0/cpu-user-2026-01-05", "epoch,value\n"), ["collectd"]);
        assert_eq!(names("a.csv", "timestamp,metric,value\n"), Vec::<&str>::new());
        assert_eq!(names("a.csv", "timestamp,metric,entity_id,state,last_changed,value\n"), Vec::<&str>::new());
        let nested = "{\"timestamp\":1,\"metric\":\"a\",\"labels\":{\"name\":\"a\",\"tags\":\"b\",\"fields\":\"c\"},\"value\":1}";
        assert_eq!(names("a.jsonl", nested), Vec::<&str>::new());
        assert_eq!(names("a.json", "[{\"a\":{\"b\":1},\"Label\":\"x\",\"Datapoints\":[]}]"), ["cloudwatch"]);
        assert_eq!(names("a.jsonl", "{\"timestamp\":1,\"metric\":\"a\",\"value\":2}"), Vec::<&str>::new());
    }
}
