//! Behaviour of whole templates.

use super::*;
use crate::promql::notation::parse_histogram;

fn sample(labels: &[(&str, &str)], value: f64) -> QueriedSample {
    QueriedSample { labels: LabelSet::new(labels.iter().copied()), value: value.into() }
}

/// Answers `one` with a sample, `two` with two, `none` with none; all else is an error.
fn answer(query: &str) -> Result<Vec<QueriedSample>, String> {
    match query {
        "none" => Ok(Vec::new()),
        "one" => Ok(vec![sample(&[("__name__", "up"), ("job", "db"), ("__value__", "v")], 5.0)]),
        "two" => Ok(vec![sample(&[("job", "web")], 1.5), sample(&[("job", "api")], 2e6)]),
        other => Err(format!("no such query: {other}")),
    }
}

fn expand_for(value: impl Into<SampleValue>, template: &str) -> Result<String, String> {
    let template = Template::parse(template).unwrap_or_else(|problems| panic!("{template}: {problems:?}"));
    let labels = LabelSet::new([("__name__", "m"), ("instance", "a.b:80"), ("job", "db")]);
    let external_labels = LabelSet::new([("region", "eu")]);
    let data = TemplateData {
        labels: &labels,
        value: &value.into(),
        external_labels: &external_labels,
        external_url: "http://prom:9090/base",
        now: Timestamp(1_420_070_400_500),
        alert: "Down",
    };
    template.expand(&data, Share::WHOLE, &mut answer)
}

fn check_for(value: impl Into<SampleValue>, template: &str, expected: &str) {
    assert_eq!(expand_for(value, template).as_deref(), Ok(expected), "{template}");
}

fn check(template: &str, expected: &str) {
    check_for(0.25, template, expected);
}

/// The end of an error's words.
fn fails(template: &str, expected: &str) {
    let words = expand_for(0.25, template).expect_err(template);
    assert!(words.ends_with(expected), "{template}\n  is {words}\n not {expected}");
}

/// Where the first problem is and what it says.
fn refused(template: &str, at: &str, message: &str) {
    let problems = Template::parse(template).expect_err(template);
    assert_eq!((&template[problems[0].span.range()], problems[0].message.as_str()), (at, message), "{template}");
}

#[test]
fn text_passes_through_and_delimiters_trim() {
    check("plain } { }}", "plain } { }}");
    check("a {{- 1 -}} b", "a1b");
    check("a \n\t{{- 1 }} b", "a1 b");
    check("a {{ 1 -}} \n b", "a 1b");
    check("{{3 -}}\n< {{- 4}}", "3<4");
    check("a{{/* {{ x }} */}}b", "ab");
    check("a {{- /* c */ -}} b", "ab");
    check("{{\n1\n}}", "1");
    check("{{ -3 }}", "-3");
}

#[test]
fn the_data_is_seen_by_variable_and_by_field() {
    check("{{ $value }} {{ .Value }} {{ $.Value }}", "0.25 0.25 0.25");
    check("{{ $labels.job }} {{ .Labels.job }} {{ index $labels \"job\" }}", "db db db");
    check("[{{ $labels.missing }}{{ index .Labels \"x-y\" }}]", "[]");
    check("{{ $labels }}", "map[__name__:m instance:a.b:80 job:db]");
    check("{{ $externalLabels.region }} {{ .ExternalLabels }}", "eu map[region:eu]");
    check("{{ $externalURL }} {{ .ExternalURL }}", "http://prom:9090/base http://prom:9090/base");
    check("{{ . }}", "{map[__name__:m instance:a.b:80 job:db] map[region:eu] http://prom:9090/base 0.25}");
}

#[test]
fn native_histograms_print_as_prometheus_shows_them() {
    let histogram = || parse_histogram("{{schema:0 count:3 sum:5 buckets:[1 2]}}").expect("one").histogram;
    let check = |template: &str, expected: &str| check_for(histogram(), template, expected);
    let text = "{count:3, sum:5, (0.5,1]:1, (1,2]:2}";
    for template in
        ["{{ $value }}", "{{ .Value.String }}", "{{ printf \"%v\" $value }}", "{{ $value | printf \"%s\" }}"]
    {
        check(template, text);
    }
    check(
        "{{ . }}",
        &format!("{{map[__name__:m instance:a.b:80 job:db] map[region:eu] http://prom:9090/base {text}}}"),
    );
    check("{{ $value.Count }} {{ .Value.Sum }} {{ $value.Schema }} {{ $value.ZeroCount }}", "3 5 0 0");
    check(
        "{{ if $value }}yes{{ end }} {{ eq $value $value }} {{ printf \"%T\" $value }}",
        "yes true *histogram.FloatHistogram",
    );
    let fails = |template: &str, expected: &str| {
        let words = expand_for(histogram(), template).expect_err(template);
        assert!(words.ends_with(expected), "{template}\n  is {words}\n not {expected}");
    };
    for name in ["humanize", "humanize1024", "humanizeDuration", "humanizePercentage", "humanizeTimestamp", "toTime"] {
        fails(&format!("{{{{ {name} $value }}}}"), "can't convert *histogram.FloatHistogram to float");
    }
    fails("{{ gt $value 1.0 }}", "invalid type for comparison");
    fails("{{ eq $value 1.0 }}", "incompatible types for comparison");
    fails("{{ len $value }}", "len of type histogram.FloatHistogram");
    fails("{{ $value.Buckets }}", "can't evaluate field Buckets in type *histogram.FloatHistogram");
}

#[test]
fn floats_print_as_in_go() {
    for (value, text) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (100_000.0, "100000"),
        (1e6, "1e+06"),
        (1_234_567.0, "1.234567e+06"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "+Inf"),
        (f64::NEG_INFINITY, "-Inf"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e300, "1e+300"),
    ] {
        check_for(value, "{{ $value }}", text);
    }
}

#[test]
fn conditions_take_the_first_true_branch() {
    check("{{ if true }}a{{ else }}b{{ end }}{{ if 0 }}a{{ else }}b{{ end }}", "ab");
    check("{{ if \"\" }}a{{ else if $labels }}b{{ else }}c{{ end }}", "b");
    check("{{ if $x := 0 }}a{{ else if $y := 2 }}{{ $x }}{{ $y }}{{ end }}", "02");
    check("{{ with $labels.job }}<{{ . }}>{{ end }}{{ with 0 }}a{{ else with 2 }}{{ . }}{{ else }}c{{ end }}", "<db>2");
    check("{{ with 0 }}a{{ else }}{{ .Value }}{{ end }}", "0.25");
    check("{{ if not nil }}a{{ end }}", "a");
}

#[test]
fn loops_go_through_maps_lists_and_numbers() {
    check("{{ range $k, $v := $labels }}{{ $k }}={{ $v }};{{ end }}", "__name__=m;instance=a.b:80;job=db;");
    check("{{ range $labels }}{{ . }} {{ end }}", "m a.b:80 db ");
    check("{{ range $i, $s := query \"two\" }}{{ $i }}{{ .Labels.job }}{{ $s.Value }} {{ end }}", "0web1.5 1api2e+06 ");
    check("{{ range query \"none\" }}a{{ else }}b{{ end }}", "b");
    check(
        "{{ range 3 }}{{ . }}{{ end }}{{ range $i := 2 }}{{ $i }}{{ end }}{{ range 0 }}{{ else }}e{{ end }}",
        "01201e",
    );
    check("{{ range 9 }}{{ if eq . 2 }}{{ continue }}{{ else if eq . 4 }}{{ break }}{{ end }}{{ . }}{{ end }}", "013");
    check("{{ $x := 0 }}{{ range $x = 3 }}{{ end }}{{ $x }}", "2");
    check("{{ $n := 0 }}{{ range 3 }}{{ $n = . }}{{ $n := 9 }}{{ end }}{{ $n }}", "2");
    fails("{{ range $value }}{{ end }}", "range can't iterate over 0.25");
    fails("{{ range $i, $x := 3 }}{{ end }}", "can't use 3 to iterate over more than one variable");
}

#[test]
fn named_templates_see_their_own_dot_only() {
    check(
        "{{ define \"t\" }}<{{ . }}{{ $ }}>{{ end }}{{ template \"t\" 1 }}{{ template \"t\" $labels.job }}",
        "<11><dbdb>",
    );
    check("{{ template \"t\" }}{{ define \"t\" }}[{{ . }}]{{ end }}", "[<no value>]");
    check("{{ block \"b\" 7 }}{{ . }}{{ end }}{{ template \"b\" 8 }}", "78");
    check(
        "{{ define `x` }}{{ .arg0 }}-{{ .arg1 }}-{{ .arg9 }}{{ end }}{{ template `x` (args 1 \"b\") }}",
        "1-b-<no value>",
    );
    check("{{ define \"t\" }}{{ end }}{{ define \"t\" }}a{{ end }}{{ template \"t\" }}", "a");
}

#[test]
fn pipelines_give_the_value_last() {
    check("{{ $value | printf \"%.1f%.2f\" 2.0 | len }}", "7");
    check("{{ (query \"one\" | first).Labels.job }} {{ (first (query \"one\")).Value }}", "db 5");
    check("{{ $x := 1 }}{{ $x = 2 }}{{ $x }}", "2");
    check("{{ \"a\" | print `b` 'c' }}", "b99a");
}

#[test]
fn comparisons_know_no_mixed_kinds() {
    check("{{ eq 1 2 1 }} {{ eq \"a\" \"b\" }} {{ ne 1.5 1.5 }} {{ eq true true }}", "true false false true");
    check("{{ lt 1 2 }} {{ le 2 2 }} {{ gt \"b\" \"a\" }} {{ ge 1.5 2.5 }}", "true true true false");
    check("{{ gt $value 0.2 }} {{ lt $value 0.2 }} {{ eq nil nil }}", "true false true");
    check("{{ and 1 0 2 }} {{ or 0 \"\" 3 }} {{ not 0 }} {{ or 1 (first nil) }} {{ and 1 2 }}", "0 3 true 1 2");
    check_for(
        f64::NAN,
        "{{ lt $value 1.0 }} {{ le $value 1.0 }} {{ gt $value 1.0 }} {{ ge $value 1.0 }}",
        "false false true true",
    );
    fails("{{ gt $value 5 }}", "error calling gt: incompatible types for comparison");
    fails("{{ eq $value \"a\" }}", "error calling eq: incompatible types for comparison");
    fails("{{ lt true false }}", "error calling lt: invalid type for comparison");
    fails("{{ eq 1 }}", "error calling eq: missing argument for comparison");
}

#[test]
fn collections_are_indexed_measured_and_sliced() {
    check("{{ len $labels }} {{ len \"é\" }} {{ len (query \"two\") }}", "3 2 2");
    check(
        "{{ index \"abc\" 1 }} {{ (index (query \"two\") 1).Value }} {{ slice \"abcd\" 1 3 }} {{ slice \"abcd\" 2 }}",
        "98 2e+06 bc cd",
    );
    fails("{{ index \"abc\" 4 }}", "error calling index: index out of range: 4");
    fails("{{ index $labels 1 }}", "error calling index: value has type int; should be string");
    fails("{{ index 1 1 }}", "error calling index: can't index item of type int");
    fails("{{ len 3 }}", "error calling len: len of type int");
    fails("{{ slice \"abc\" 2 1 }}", "error calling slice: invalid slice index: 2 > 1");
}

#[test]
fn printf_formats_as_in_go() {
    for (args, expected) in [
        ("\"%v %v %v\" 1 \"a\" 1.5", "1 a 1.5"),
        (
            "\"%d|%5d|%-5d|%05d|%+d|%x|%X|%o|%b|%c|%q|%U\" 42 42 42 42 42 42 42 42 42 42 42 42",
            "42|   42|42   |00042|+42|2a|2A|52|101010|*|'*'|U+002A",
        ),
        (
            "\"%f|%.2f|%8.3f|%-8.1f|%08.2f|%+.1f\" 3.14159 3.14159 3.14159 3.14159 3.14159 3.14159",
            "3.141590|3.14|   3.142|3.1     |00003.14|+3.1",
        ),
        (
            "\"%e|%.2E|%g|%.3g|%G\" 123456.789 123456.789 1e9 123456.789 1e-9",
            "1.234568e+05|1.23E+05|1e+09|1.23e+05|1E-09",
        ),
        (
            "\"%s|%6s|%-6s||%.2s|%q|%x|% x\" \"abc\" \"abc\" \"abc\" \"abc\" \"a\\\"b\" \"abc\" \"abc\"",
            "abc|   abc|abc   ||ab|\"a\\\"b\"|616263|61 62 63",
        ),
        ("\"%t %v %T %T\" true false 1.5 \"a\"", "true false float64 string"),
        ("\"100%%\"", "100%"),
        ("\"%d\" 1.5", "%!d(float64=1.5)"),
        ("\"%d\" \"a\"", "%!d(string=a)"),
        ("\"%s\" 1", "%!s(int=1)"),
        ("\"%s %d\" \"a\"", "a %!d(MISSING)"),
        ("\"%s\" \"a\" 1 2.5", "a%!(EXTRA int=1, float64=2.5)"),
        ("\"%!\" 1", "%!!(int=1)"),
        ("\"%\"", "%!(NOVERB)"),
        ("\"%[2]s %[1]d\" 1 \"a\"", "a 1"),
        ("\"%[3]d\" 1", "%!d(BADINDEX)"),
        ("\"%*d|%.*f\" 5 42 1 2.55", "   42|2.5"),
        ("\"%v %s %d\" nil nil nil", "<nil> %!s(<nil>) %!d(<nil>)"),
        ("\"%s %q\" $externalLabels $externalLabels", "map[region:eu] map[\"region\":\"eu\"]"),
        ("\"%6.2f%%\" $value", "  0.25%"),
        ("\"%v\" (query \"one\" | first)", "&{map[__name__:up __value__:v job:db] 5}"),
        ("\"%#x %#q %+q\" 255 \"a\" \"é\"", "0xff `a` \"\\u00e9\""),
    ] {
        check(&format!("{{{{ printf {args} }}}}"), expected);
    }
    check("{{ print 1 2 \"a\" \"b\" 3 nil }}|{{ println \"a\" 1 }}", "1 2ab3 <nil>|a 1\n");
    check("{{ query \"one\" | first }}", "{map[__name__:up __value__:v job:db] 5}");
}

#[test]
fn numbers_are_made_human() {
    for (function, value, expected) in [
        ("humanize", 0.0, "0"),
        ("humanize", 1_234_567.0, "1.235M"),
        ("humanize", 999.99, "1000"),
        ("humanize", 0.000_012_3, "12.3u"),
        ("humanize", -1.5e30, "-1.5e+06Y"),
        ("humanize", f64::INFINITY, "+Inf"),
        ("humanize1024", 1536.0, "1.5ki"),
        ("humanize1024", 0.5, "0.5"),
        ("humanizeDuration", 0.0, "0s"),
        ("humanizeDuration", 0.0123, "12.3ms"),
        ("humanizeDuration", 59.999_9, "60s"),
        ("humanizeDuration", -3661.9, "-1h 1m 1s"),
        ("humanizeDuration", 899_000.0, "10d 9h 43m 20s"),
        ("humanizePercentage", 0.123_456, "12.35%"),
        ("humanizeTimestamp", 1_420_070_400.5, "2015-01-01 00:00:00.5 +0000 UTC"),
        ("humanizeTimestamp", f64::NAN, "NaN"),
    ] {
        check_for(value, &format!("{{{{ $value | {function} }}}}"), expected);
    }
    check("{{ \"1500\" | humanize }} {{ humanize 12 }} {{ \"-Inf\" | humanize }}", "1.5k 12 -Inf");
    fails("{{ humanize \"x\" }}", "error calling humanize: strconv.ParseFloat: parsing \"x\": invalid syntax");
    fails("{{ humanize true }}", "error calling humanize: can't convert bool to float");
    check(
        "{{ (toTime 0).Year }} {{ (toTime $value).Format \"15:04:05.000\" }} {{ toTime 1 }} {{ (toTime 90).Unix }}",
        "1970 00:00:00.250 1970-01-01 00:00:01 +0000 UTC 90",
    );
    check("{{ toDuration 5400 }} {{ (toDuration 90).Minutes }}", "1h30m0s 1.5");
    check("{{ parseDuration \"1h30m\" }} {{ parseDuration \"-1s\" }} {{ now }}", "5400 -1 1.4200704005e+09");
}

#[test]
fn texts_are_changed() {
    check("{{ \"ab cD-e f's g_h\" | title }} {{ toUpper \"aß\" }} {{ toLower \"AB\" }}", "Ab CD-E F's G_h Aß ab");
    check(
        "{{ match \"a+\" \"xaay\" }} {{ match \"^a\" \"xa\" }} {{ reReplaceAll \"(a)(b)\" \"$2${1}\" \"xaby\" }}",
        "true false xbay",
    );
    check("{{ $labels.instance | stripPort }} {{ $labels.instance | stripDomain }}", "a.b a:80");
    check(
        "{{ graphLink \"up == 0\" }} {{ tableLink \"a\" }}",
        "/graph?g0.expr=up+%3D%3D+0&g0.tab=0 /graph?g0.expr=a&g0.tab=1",
    );
    check(
        "{{ pathPrefix }} {{ externalURL }} {{ urlQueryEscape \"a b/é\" }}",
        "/base http://prom:9090/base a+b%2F%C3%A9",
    );
    check(
        "{{ html \"<a href='x'>\" 1 nil }} {{ js \"it's <b>\" }} {{ urlquery \"a&b\" }}",
        "&lt;a href=&#39;x&#39;&gt;1&lt;no value&gt; it\\'s \\u003Cb\\u003E a%26b",
    );
    check("{{ safeHtml \"<b>\" }}", "<b>");
}

#[test]
fn queries_are_answered() {
    check(
        "{{ query \"one\" | first | value }} {{ query \"one\" | first | label \"job\" }} {{ query \"one\" | first | strvalue }}",
        "5 db v",
    );
    check("{{ range query \"two\" | sortByLabel \"job\" }}{{ .Labels.job }} {{ end }}", "api web ");
    check("{{ with query \"none\" }}{{ . | first | value }}{{ else }}unknown{{ end }}", "unknown");
    fails("{{ query \"bad\" }}", "at <query \"bad\">: error calling query: no such query: bad");
}

#[test]
fn a_wrong_number_of_arguments_is_an_error_of_the_expansion() {
    fails("{{ humanize }}", "at <humanize>: wrong number of args for humanize: want 1 got 0");
    fails("{{ $value | humanize 1 }}", "wrong number of args for humanize: want 1 got 2");
    fails("{{ printf }}", "wrong number of args for printf: want at least 1 got 0");
}

#[test]
fn tmpl_gives_the_text_of_a_named_template() {
    check("{{ define \"a\" }}<{{ . }}>{{ end }}{{ tmpl \"a\" 1 | toUpper }}{{ 2 | tmpl \"a\" }}", "<1><2>");
    fails("{{ tmpl \"none\" . }}", "template \"none\" not defined");
}

#[test]
fn errors_are_worded_and_placed_as_by_prometheus() {
    assert_eq!(
        expand_for(1.0, "Broken: {{ query \"none\" | first | value }}").expect_err("no sample"),
        "error executing template __alert_Down: template: __alert_Down:1:138: executing \"__alert_Down\" \
             at <first>: error calling first: first() called on vector with no elements"
    );
    fails(
        "a\nbc {{ $value.x }}",
        ":2:12: executing \"__alert_Down\" at <$value.x>: can't evaluate field x in type float64",
    );
    fails(
        "{{ define \"t\" }}{{ .a }}{{ end }}{{ template \"t\" 1 }}",
        "executing \"t\" at <.a>: can't evaluate field a in type int",
    );
    fails("{{ template \"no\" }}", "at <{{template \"no\"}}>: template \"no\" not defined");
    fails("{{ $labels.job 1 }}", "at <$labels.job>: job is not a method but has arguments");
    fails("{{ .Value 1 }}", "Value has arguments but cannot be invoked as function");
    fails("{{ $value 1 }}", "can't give argument to non-function $value");
    fails("{{ toUpper $value }}", "at <$value>: wrong type for value; expected string; got float64");
    fails("{{ toUpper 1 }}", "at <1>: expected string; found 1");
    fails("{{ first 1 }}", "can't handle 1 for arg of type template.queryResult");
    fails("{{ nil }}", "nil is not a command");
    fails("{{ reReplaceAll \"(\" \"\" \"\" | toUpper }}", "error parsing regexp: missing closing ): `(`");
    let problem = Template::parse("{{ .Value | humanise }}").expect_err("no such function");
    assert_eq!(problem[0].help.as_deref(), Some("did you mean `humanize`?"));
}

#[test]
fn what_cannot_work_is_refused() {
    refused("{{ nope }}", "nope", "unknown function `nope`");
    refused("{{ $x }}", "$x", "undefined variable `$x`");
    refused("{{ $x = 1 }}", "$x", "undefined variable `$x`");
    refused("{{ if $y := 1 }}{{ end }}{{ $y }}", "$y", "undefined variable `$y`");
    refused("{{ define \"t\" }}{{ $value }}{{ end }}", "$value", "undefined variable `$value`");
    refused("a {{ end }} b", "end", "unexpected `end`");
    refused("{{ if 1 }}{{ else }}{{ else }}{{ end }}", "else", "a second `else` in one `if`");
    refused("{{ else }}", "else", "unexpected `else`");
    refused("{{ range 1 }}{{ else if 1 }}{{ end }}", "if", "`else if` does not belong to a `range`");
    refused("{{ if 1 }}a", "if", "unclosed `if`");
    refused("a {{ $value", "{{", "unclosed action");
    refused("{{ }}", "}}", "an empty action");
    refused("{{ if }}{{ end }}", "}}", "`if` without a value");
    refused("{{ \"a }}", "\"", "unclosed string");
    refused("{{ (1 }}", "(", "unclosed `(`");
    refused("{{ 1) }}", ")", "a `)` without its `(`");
    refused("{{ $value > 5 }}", ">", "unexpected `>` as a value");
    refused("{{ $value | 5 }}", "5", "not a function");
    refused("{{ break }}", "break", "a `break` outside of any `range`");
    refused("{{/* a", "{{", "unclosed comment");
    refused("{{ $labels.a-b }}", ".a-", "`-` right after `.a`");
    refused("{{ 1.x }}", "1.x", "`1.x` is not a number");
    refused("{{ \"a\".x }}", ".x", "`\"a\"` has no fields");
    refused("{{ define \"t\" }}a{{ end }}{{ define \"t\" }}b{{ end }}", "\"t\"", "the template `t` is defined twice");
    let all = Template::parse("{{ a }}{{ $b }}{{ humanise }}").expect_err("three problems");
    assert_eq!(all.len(), 3);
}

#[test]
fn a_small_share_ends_a_loop_early() {
    let templates =
        [("a".to_owned(), Template::parse("{{ range 1000 }}{{ range 1000 }}x{{ end }}{{ end }}").expect("it is one"))];
    let labels = LabelSet::empty();
    let data = TemplateData {
        labels: &labels,
        value: &1.0.into(),
        external_labels: &labels,
        external_url: "",
        now: Timestamp(0),
        alert: "a",
    };
    let text = templates[0].1.expand_or_error(&data, Share::of(&templates, 1_000_000), &mut answer);
    assert!(text.ends_with("more than the limit of 1000 steps>"), "{text}");
}

#[test]
fn uses_are_known_without_expanding() {
    let uses = |text: &str| {
        let template = Template::parse(text).expect(text);
        (template.uses_value(), template.uses_query())
    };
    for text in [
        "{{ $value }}",
        "{{ .Value }}",
        "{{ . }}",
        "{{ $ }}",
        "{{ range $labels }}{{ $.Value }}{{ end }}",
        "{{ template \"t\" . }}{{ define \"t\" }}{{ end }}",
        "{{ if 1 }}{{ humanize (.Value) }}{{ end }}",
    ] {
        assert_eq!(uses(text), (true, false), "{text}");
    }
    for text in [
        "x",
        "{{ $labels.Value }}",
        "{{ .Labels.a }}",
        "{{ range $labels }}{{ . }}{{ end }}",
        "{{ $.Labels }}",
        "{{ define \"t\" }}{{ . }}{{ end }}",
    ] {
        assert_eq!(uses(text), (false, false), "{text}");
    }
    assert_eq!(uses("{{ range query \"up\" }}{{ .Value }}{{ end }}"), (false, true));
    assert!(Template::parse("a } b").expect("plain").is_literal());
    assert!(!Template::parse("{{/* a */}}").expect("a comment").is_literal());
}

/// Runs where as little stack is left as a worker thread has.
fn on_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run).expect("a thread");
    thread.join().expect("no overflow");
}

#[test]
fn nesting_is_limited_when_a_template_is_read() {
    on_small_stack(|| {
        let parens = |depth: usize| format!("{{{{ {}1{} }}}}", "(".repeat(depth), ")".repeat(depth));
        check(&parens(100), "1");
        for text in [parens(101), parens(100_000), "{{ if 1 }}".repeat(100_000), "{{ if (".repeat(5000)] {
            assert!(Template::parse(&text).is_err());
        }
        let deep = format!("{}a{}", "{{ if 1 }}".repeat(100), "{{ end }}".repeat(100));
        check(&deep, "a");
        let chain = format!("{{{{ if 0 }}}}{}{{{{ else }}}}end{{{{ end }}}}", "{{ else if 0 }}a".repeat(50_000));
        check(&chain, "end");
    });
}

#[test]
fn expansion_is_limited_in_depth_steps_and_bytes() {
    on_small_stack(|| {
        fails(
            "{{ define \"t\" }}{{ template \"t\" }}{{ end }}{{ template \"t\" }}",
            "exceeded maximum template depth (100)",
        );
        let deep = format!(
            "{{{{ define \"t\" }}}}{}{{{{ template \"t\" ({}1{}) }}}}{}{{{{ end }}}}{{{{ template \"t\" }}}}",
            "{{ if 1 }}{{ with 1 }}{{ range 1 }}".repeat(30),
            "(".repeat(8),
            ")".repeat(8),
            "{{ end }}".repeat(90)
        );
        fails(&deep, "nested deeper than the limit of 400");
        fails("{{ range 1000000000 }}{{ end }}", "more than the limit of 1000000 steps");
        fails(
            "{{ $x := \"0123456789\" }}{{ range 100 }}{{ $x = print $x $x }}{{ end }}",
            "a text longer than the limit of 1048576 bytes",
        );
        fails(
            "{{ range 100000 }}0123456789 0123456789 0123456789{{ end }}",
            "a text longer than the limit of 1048576 bytes",
        );
        fails("{{ $x := 1 }}{{ range 200 }}{{ $x = args $x $x }}{{ end }}", "args nested deeper than the limit of 100");
        fails(
            "{{ $x := 1 }}{{ range 90 }}{{ $x = args $x $x }}{{ end }}{{ $x }}",
            "a text longer than the limit of 1048576 bytes",
        );
        fails("{{ printf \"%1000000d%1000000d%1000000d\" 1 2 3 }}", "a text longer than the limit of 1048576 bytes");
        check("{{ printf \"%2000000d\" 1 }}", "1");
        check("{{ len (printf \"%.999999f\" 1.5) }}", "1000001");
        check("{{ len (printf \"%.99999U\" 1) }}", "60002");
    });
}

mod mutations {
    use proptest::prelude::*;

    use super::*;

    const SEEDS: &[&str] = &[
        "{{ range $i, $v := query \"two\" | sortByLabel \"job\" }}{{ if $i }}, {{ end }}{{ $v.Labels.job }}{{ end }}",
        "{{ with $x := printf \"%-6.2f|%[1]v %q\" $value }}{{ $x | toUpper }}{{ else with 0x1p4 }}{{ end -}} a",
        "{{ define \"t\" }}{{ .arg0 }}{{ end }}{{ template \"t\" (args 1 'a' `r`) }}{{/* c */}}",
        "{{ (toTime $value).Format \"2006-01-02\" }} {{ slice \"é\" 0 1 }} {{ and (eq 1 2) .Labels.x }}",
    ];
    const PIECES: &[&str] = &[
        "{{", "}}", "{{-", "-}}", "(", ")", "|", "$", ".", "\"", "'", "`", " end ", " else ", " if ", " range ",
        " nil ", "\\", "%", "é", "\0", "0x", "e", "-", ":=", "=", ",", "/*", "*/", " len ", " index ", " print ", "9",
        "[", "*",
    ];

    proptest! {
        #[test]
        fn a_mutated_template_never_panics(
            seed in 0..SEEDS.len(),
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0usize..4, 0..PIECES.len()), 0..6),
        ) {
            let mut chars: Vec<char> = SEEDS[seed].chars().collect();
            for (at, removed, piece) in edits {
                let at = at.index(chars.len() + 1);
                let end = (at + removed).min(chars.len());
                chars.splice(at..end, PIECES[piece].chars());
            }
            let text: String = chars.into_iter().collect();
            match Template::parse(&text) {
                Ok(template) => {
                    let labels = LabelSet::empty();
                    let data = TemplateData {
                        labels: &labels,
                        value: &(-1.5).into(),
                        external_labels: &labels,
                        external_url: "",
                        now: Timestamp(0),
                        alert: "a",
                    };
                    let _ = template.expand_or_error(&data, Share::WHOLE, &mut answer);
                }
                Err(problems) => {
                    prop_assert!(!problems.is_empty());
                    for problem in problems {
                        prop_assert!(text.get(problem.span.range()).is_some(), "{text}: {problem:?}");
                    }
                }
            }
        }
    }
}
