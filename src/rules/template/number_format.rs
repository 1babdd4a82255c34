//! Numbers as the verbs of Go's `fmt` write them.

use crate::format::go::{exponential, fixed, general};

/// How a verb of `printf` is to be written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spec {
    /// `+`: always with a sign.
    pub(super) plus: bool,
    /// `-`: padded on the right.
    pub(super) minus: bool,
    /// `#`: with `0x` and the like.
    pub(super) sharp: bool,
    /// A space where a plus could be.
    pub(super) space: bool,
    /// `0`: padded with zeros.
    pub(super) zero: bool,
    /// The least width. Unit: characters.
    pub(super) width: Option<usize>,
    /// Digits, or characters of a text.
    pub(super) precision: Option<usize>,
}

impl Spec {
    /// Appends a text, padded to the width.
    pub(super) fn pad(&self, out: &mut String, text: &str) {
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        let fill = if self.zero && !self.minus { '0' } else { ' ' };
        if !self.minus {
            out.extend(std::iter::repeat_n(fill, missing));
        }
        out.push_str(text);
        if self.minus {
            out.extend(std::iter::repeat_n(' ', missing));
        }
    }

    /// Appends a number without its sign, with it and padding.
    fn pad_number(&self, out: &mut String, negative: bool, digits: &str, may_fill: bool) {
        let sign = match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            _ => "",
        };
        let missing = self.width.unwrap_or(0).saturating_sub(sign.len() + digits.len());
        if self.zero && !self.minus && may_fill {
            out.push_str(sign);
            out.extend(std::iter::repeat_n('0', missing));
            out.push_str(digits);
        } else {
            Self { zero: false, ..*self }.pad(out, &format!("{sign}{digits}"));
        }
    }

    /// Appends a float under one of the verbs `e E f F g G v`.
    pub(super) fn float(&self, out: &mut String, value: f64, verb: char) {
        if value.is_nan() {
            let sign = if self.plus {
                "+"
            } else if self.space {
                " "
            } else {
                ""
            };
            return Self { zero: false, ..*self }.pad(out, &format!("{sign}NaN"));
        }
        if value.is_infinite() {
            let sign = match (value > 0.0, self.space && !self.plus) {
                (false, _) => '-',
                (true, true) => ' ',
                (true, false) => '+',
            };
            return Self { zero: false, ..*self }.pad(out, &format!("{sign}Inf"));
        }
        let digits = match verb {
            'e' | 'E' => exponential(value.abs(), Some(self.precision.unwrap_or(6))),
            'f' | 'F' => fixed(value.abs(), self.precision.unwrap_or(6)),
            _ => general(value.abs(), self.precision),
        };
        let digits = if matches!(verb, 'E' | 'G') { digits.to_uppercase() } else { digits };
        self.pad_number(out, value.is_sign_negative(), &digits, true);
    }

    /// Appends a whole number in a base from 2 to 16.
    pub(super) fn integer(&self, out: &mut String, value: i128, verb: char) {
        let magnitude = value.unsigned_abs();
        let (mut digits, prefix) = match verb {
            'b' => (format!("{magnitude:b}"), "0b"),
            'o' => (format!("{magnitude:o}"), "0"),
            'O' => (format!("{magnitude:o}"), "0o"),
            'x' => (format!("{magnitude:x}"), "0x"),
            'X' => (format!("{magnitude:X}"), "0X"),
            _ => (magnitude.to_string(), ""),
        };
        if let Some(least) = self.precision {
            if least == 0 && value == 0 {
                return Self { zero: false, ..*self }.pad(out, "");
            }
            digits.insert_str(0, &"0".repeat(least.saturating_sub(digits.len())));
        } else if let (true, false, Some(width)) = (self.zero, self.minus, self.width) {
            let sign = usize::from(value < 0 || self.plus || self.space);
            digits.insert_str(0, &"0".repeat(width.saturating_sub(sign + digits.len())));
        }
        if (self.sharp && !(verb == 'o' && digits.starts_with('0'))) || verb == 'O' {
            digits.insert_str(0, prefix);
        }
        self.pad_number(out, value < 0, &digits, false);
    }
}
