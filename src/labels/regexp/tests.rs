//! What Go's `regexp/syntax` accepts, refuses, and means.
//!
//! Source: the documentation and the source of Go's `regexp/syntax`, for its version in Prometheus 3.14.

use super::{Regexp, RegexpError};

fn check(pattern: &str, text: &str, expected: bool) {
    let regexp = Regexp::anchored(pattern).expect(pattern);
    assert_eq!(regexp.is_match(text), expected, "{pattern} on {text:?}");
}

/// Checks the reason, and the part of the pattern that is wrong.
fn refused(pattern: &str, reason: &str, wrong: &str) {
    match Regexp::anchored(pattern) {
        Err(RegexpError::Syntax { reason: found, at, .. }) => {
            assert_eq!((found.as_str(), &pattern[at]), (reason, wrong), "{pattern}");
        }
        other => panic!("{pattern}: {other:?}"),
    }
}

#[test]
fn the_whole_text_must_match_and_dot_takes_line_ends() {
    check("a|b", "ab", false);
    check("a|b", "b", true);
    check("a.*", "a\nb", true);
    check("(?-s)a.b", "a\nb", false);
    check("", "", true);
    check("|a", "", true);
    check(".+", "", false);
    check("()|x", "x", true);
    check("é.", "éü", true);
}

#[test]
fn texts_with_another_beginning_are_refused_at_once() {
    assert_eq!(*Regexp::anchored("metric_(a|b).*").expect("a pattern").prefix, *b"metric_");
    for (pattern, takes, refuses) in [
        ("abc.*d", "abcxd", "abxd"),
        ("(foo|fob).*", "fob1", "fox"),
        ("(?i)ab.*", "ABc", "ba"),
        (r"\babc.*", "abcd", "xabc"),
        ("a?bc", "bc", "c"),
        ("(ab)+", "abab", "aab"),
    ] {
        check(pattern, takes, true);
        check(pattern, refuses, false);
    }
}

#[test]
fn classes_and_escapes_mean_what_they_mean_in_go() {
    for (pattern, takes, refuses) in [
        (r"\d+", "12", "٣"),
        (r"\w", "_", "é"),
        (r"\s", "\t", "\u{b}"),
        (r"\D", "٣", "3"),
        (r"[\d\-x]+", "1-x", "a"),
        (r"[^\W\d]", "a", "1"),
        (r"\p{Lu}+", "AÉ", "a"),
        (r"\pN", "٣", "a"),
        (r"\P{Lu}", "a", "A"),
        (r"\p{^Lu}", "a", "A"),
        (r"\P{^Lu}", "A", "a"),
        (r"\p{Greek}", "α", "a"),
        (r"[\p{Greek}x]", "x", "a"),
        (r"\x{4F}", "O", "o"),
        (r"\x4f", "O", "o"),
        (r"\117", "O", "o"),
        (r"\0", "\0", "0"),
        (r"\a\f\t\n\r\v", "\u{7}\u{c}\t\n\r\u{b}", "aftnrv"),
        (r"\Qa.b\Ec", "a.bc", "axbc"),
        (r"\Qa\", r"a\", "a"),
        (r"\.\-\_\!", ".-_!", "x-_!"),
        ("[[:alpha:]]+", "ab", "é"),
        ("[[:^alpha:]]", "1", "a"),
        ("[[:word:][:space:]]+", "a_1 ", "-"),
        ("[]a]+", "]a", "b"),
        ("[^]a]", "b", "]"),
        ("[a[]+", "a[", "b"),
        ("[[a]b]", "ab]", "ab"),
        ("[a&&b]+", "a&b", "c"),
        ("[!--]+", "-", "b"),
        ("[a~~b]+", "~", "c"),
        ("[-a]+", "-a", "b"),
        (r"\bfoo\b", "foo", "foox"),
        (r"a\Bb", "ab", "a b"),
        (r"\Aa\z", "a", "b"),
        (r"\<", "<", "a"),
    ] {
        check(pattern, takes, true);
        check(pattern, refuses, false);
    }
}

#[test]
fn braces_that_are_no_count_are_text() {
    for (pattern, text) in [
        ("a{b}", "a{b}"),
        ("{}", "{}"),
        ("{", "{"),
        ("x{2", "x{2"),
        ("x{,5}", "x{,5}"),
        ("x{2,1x}", "x{2,1x}"),
        ("x{02}", "x{02}"),
        ("}", "}"),
    ] {
        check(pattern, text, true);
    }
    check("a{2}", "aa", true);
    check("a{2,}", "a", false);
    check("a{0,1}b", "b", true);
    check("a{0}b", "b", true);
    check("^*a$?", "a", true);
}

#[test]
fn flags_and_groups_are_read() {
    check("(?i)straße", "STRAßE", true);
    check("(?i)k", "\u{212a}", true);
    check("(?i:a)b", "Ab", true);
    check("(?i:a)b", "AB", false);
    check("a(?i)b|c", "C", true);
    check("(?m)a$.^b", "a\nb", true);
    check("(?U)a+", "aaa", true);
    check("(?P<x>a)(?<y>b)", "ab", true);
    check("(?P<x>a)(?P<x>b)", "ab", true);
    check("(?is-m:A.)", "a\n", true);
}

#[test]
fn what_go_refuses_is_refused_in_its_words() {
    refused("a)(b", "unexpected ): `a)(b`", ")");
    refused("(a", "missing closing ): `(a`", "(");
    refused("[a", "missing closing ]: `[a`", "[");
    refused("*a", "missing argument to repetition operator: `*`", "*");
    refused("a|*", "missing argument to repetition operator: `*`", "*");
    refused("O++", "invalid nested repetition operator: `++`", "++");
    refused("a**", "invalid nested repetition operator: `**`", "**");
    refused("a{2}{3}", "invalid nested repetition operator: `{2}{3}`", "{2}{3}");
    refused("O{1001}", "invalid repeat count: `{1001}`", "{1001}");
    refused("O{2,1}", "invalid repeat count: `{2,1}`", "{2,1}");
    refused("(a{100}){11}", "invalid repeat count: `{11}`", "{11}");
    refused("((a{1000}){1000}){1000}", "invalid repeat count: `{1000}`", "{1000}");
    refused("[b-a]", "invalid character class range: `b-a`", "b-a");
    refused(r"[a-\d]", r"invalid escape sequence: `\d`", r"\d");
    refused(r"\p{Nope}", r"invalid character class range: `\p{Nope}`", r"\p{Nope}");
    refused(r"\p{Grek}", r"invalid character class range: `\p{Grek}`", r"\p{Grek}");
    refused(r"\p{Alphabetic}", r"invalid character class range: `\p{Alphabetic}`", r"\p{Alphabetic}");
    refused("[[:nope:]]", "invalid character class range: `[:nope:]`", "[:nope:]");
    refused(r"\C", r"invalid escape sequence: `\C`", r"\C");
    refused(r"\Z", r"invalid escape sequence: `\Z`", r"\Z");
    refused(r"\8", r"invalid escape sequence: `\8`", r"\8");
    refused(r"(a)\1", r"invalid escape sequence: `\1`", r"\1");
}

#[test]
fn perl_groups_that_re2_lacks_are_refused() {
    refused("(?=a)", "invalid or unsupported Perl syntax: `(?=`", "(?=");
    refused("(?!a)", "invalid or unsupported Perl syntax: `(?!`", "(?!");
    refused("(?x)a", "invalid or unsupported Perl syntax: `(?x`", "(?x");
    refused("(?i-)a", "invalid or unsupported Perl syntax: `(?i-)`", "(?i-)");
    refused("(?P=x)", "invalid or unsupported Perl syntax: `(?P`", "(?P");
    refused("(?P<x y>a)", "invalid named capture: `(?P<x y>`", "(?P<x y>");
    refused("(?P<>a)", "invalid named capture: `(?P<>`", "(?P<>");
}

#[test]
fn counts_within_the_limit_are_accepted() {
    check("a{1000}", &"a".repeat(1000), true);
    check("(a{10}){100}", &"a".repeat(1000), true);
    check("(a{10}){0}", "", true);
    check("(a+)+", "aa", true);
    check("(a*)*b", "aab", true);
}

#[test]
fn programs_that_are_too_large_are_refused() {
    let huge = r"\pL{1000}".repeat(40);
    assert!(matches!(Regexp::anchored(&huge), Err(RegexpError::TooLarge { .. })));
    let deep = format!("{}a{}", "(".repeat(1001), ")".repeat(1001));
    assert!(matches!(Regexp::anchored(&deep), Err(RegexpError::Syntax { .. })));
}

#[test]
fn an_expression_of_label_replace_is_read_inside_its_wrapping() {
    let regexp = Regexp::wrapped("a)(b").expect("two groups");
    assert!(regexp.is_match("ab"));
    let Err(RegexpError::Syntax { at, .. }) = Regexp::wrapped("ab++") else { panic!("refused") };
    assert_eq!(at, 2..4);
}

#[test]
fn replacements_are_expanded_as_go_does() {
    let regexp = Regexp::anchored("(?P<first>[a-z]+)-(.*)").expect("a pattern");
    for (replacement, expected) in [
        ("$1", "db"),
        ("${1}x", "dbx"),
        ("$1x", ""),
        ("$first-$2", "db-7"),
        ("$$1", "$1"),
        ("$", "$"),
        ("${first", "${first"),
    ] {
        assert_eq!(regexp.expand("db-7", replacement).as_deref(), Some(expected), "{replacement}");
    }
    assert_eq!(regexp.expand("7", "$1"), None);
    let word = Regexp::unanchored("o.").expect("a pattern");
    assert_eq!(word.replace_all("foo bor\no", "<$0>"), "f<oo> b<or>\no");
}
