//! What begins with a backslash or a bracket: escapes and sets of characters.

use regex_syntax::hir::{ClassUnicode, Hir, Look};

use super::{CLASS_RANGE, ESCAPE, Parser, Stop};
use crate::labels::regexp::class;

impl Parser<'_> {
    /// Parses what begins with a backslash, outside of brackets.
    pub(super) fn backslash(&mut self) -> Result<(), Stop> {
        let look = match self.rest().as_bytes().get(1) {
            Some(b'A') => Some(Look::Start),
            Some(b'z') => Some(Look::End),
            Some(b'b') => Some(Look::WordAscii),
            Some(b'B') => Some(Look::WordAsciiNegate),
            Some(b'Q') => {
                let quoted = &self.rest()[2..];
                let (inside, end) = quoted.split_once(r"\E").map_or((quoted, 0), |(inside, _)| (inside, 2));
                self.at += 2 + inside.len() + end;
                return inside.chars().try_for_each(|c| self.literal(c));
            }
            _ => None,
        };
        if let Some(look) = look {
            self.at += 2;
            self.push(Hir::look(look));
            return Ok(());
        }
        if let Some(class) = self.named_class()? {
            return self.push_class(class);
        }
        let code = self.escape()?;
        match char::from_u32(code) {
            Some(c) => self.literal(c),
            // Half of a UTF-16 pair: an empty set.
            None => self.push_class(class::range(code, code, false)),
        }
    }

    /// Parses `\pN`, `\p{Name}`, `\d` and their like, if one comes next.
    fn named_class(&mut self) -> Result<Option<ClassUnicode>, Stop> {
        let from = self.at;
        let Some(letter) = self.rest().strip_prefix('\\').and_then(|after| after.chars().next()) else {
            return Ok(None);
        };
        if let Some(class) = class::perl(letter, self.flags.fold) {
            self.at += 2;
            return Ok(Some(class));
        }
        if !matches!(letter, 'p' | 'P') {
            return Ok(None);
        }
        self.at += 2;
        let name = if self.eat("{") {
            let Some((name, _)) = self.rest().split_once('}') else {
                return Err(self.wrong_to_end(CLASS_RANGE, from, from..self.at));
            };
            self.at += name.len() + 1;
            name
        } else {
            let start = self.at;
            self.next();
            &self.text[start..self.at]
        };
        let (turned, name) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
        let negated = (letter == 'P') != turned;
        match class::unicode(name, negated, self.flags.fold) {
            Some(class) => Ok(Some(class)),
            None => Err(self.wrong(CLASS_RANGE, from)),
        }
    }

    /// Parses an escape that is one code point.
    fn escape(&mut self) -> Result<u32, Stop> {
        let from = self.at;
        self.at += 1;
        let Some(c) = self.next() else {
            let end = self.at;
            let reason = "trailing backslash at end of expression";
            return Err(Stop::Wrong {
                reason,
                shown: end..end,
                at: from..end,
                help: Some(r"write `\\` for a backslash"),
            });
        };
        let code = match c {
            '0'..='7' => {
                let octal = |c: char| c.to_digit(8);
                // A digit alone that is not 0 would be a reference to a group.
                let mut code = octal(c).filter(|&digit| digit == 0 || self.peek().and_then(octal).is_some());
                for _ in 0..2 {
                    if let (Some(before), Some(digit)) = (code, self.peek().and_then(octal)) {
                        code = Some(before * 8 + digit);
                        self.at += 1;
                    }
                }
                code
            }
            'x' if self.eat("{") => self.braced_code(),
            'x' => {
                let mut digit = || self.next().and_then(|c| c.to_digit(16));
                let (high, low) = (digit(), digit());
                high.zip(low).map(|(high, low)| high * 16 + low)
            }
            'a' => Some(7),
            'f' => Some(12),
            'n' => Some(10),
            'r' => Some(13),
            't' => Some(9),
            'v' => Some(11),
            c => (c.is_ascii() && !c.is_ascii_alphanumeric()).then_some(c.into()),
        };
        code.ok_or_else(|| self.wrong(ESCAPE, from))
    }

    /// Reads the digits of `\x{..}` and the closing brace.
    fn braced_code(&mut self) -> Option<u32> {
        let mut code = None;
        loop {
            let c = self.next()?;
            if c == '}' {
                return code;
            }
            let next = code.unwrap_or(0) * 16 + c.to_digit(16)?;
            if next > u32::from(char::MAX) {
                return None;
            }
            code = Some(next);
        }
    }

    /// Parses a set in brackets.
    pub(super) fn brackets(&mut self) -> Result<ClassUnicode, Stop> {
        let start = self.at;
        self.at += 1;
        let negated = self.eat("^");
        let fold = self.flags.fold;
        let mut ranges = Vec::new();
        let mut first = true;
        while first || !self.rest().starts_with(']') {
            first = false;
            let from = self.at;
            let class = if let Some((name, _)) = self.rest().strip_prefix("[:").and_then(|after| after.split_once(":]"))
            {
                self.at += 2 + name.len() + 2;
                class::posix(name, fold).ok_or_else(|| self.wrong(CLASS_RANGE, from))?
            } else if let Some(class) = self.named_class()? {
                class
            } else {
                let low = self.class_char(start)?;
                let mut high = low;
                if self.rest().strip_prefix('-').is_some_and(|after| !after.is_empty() && !after.starts_with(']')) {
                    self.at += 1;
                    high = self.class_char(start)?;
                    if high < low {
                        return Err(self.wrong(CLASS_RANGE, from));
                    }
                }
                if fold {
                    // Folding looks at each character.
                    self.spend((high - low) as usize / 64)?;
                }
                class::range(low, high, fold)
            };
            self.count(&class)?;
            ranges.extend_from_slice(class.ranges());
        }
        self.at += 1;
        let mut class = ClassUnicode::new(ranges);
        if negated {
            class.negate();
        }
        Ok(class)
    }

    /// Reads one character in brackets that began at `start`.
    fn class_char(&mut self, start: usize) -> Result<u32, Stop> {
        match self.peek() {
            None => Err(self.wrong_to_end("missing closing ]", start, start..start + 1)),
            Some('\\') => self.escape(),
            Some(c) => {
                self.at += c.len_utf8();
                Ok(c.into())
            }
        }
    }
}
