//! Remembers what was made of the raw bytes of a row's key.

use std::borrow::Cow;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Numbers distinct keys in the order of first appearance; a hit allocates nothing.
#[derive(Default)]
pub(super) struct Keys {
    arena: Vec<u8>,
    /// Where each key ends.
    ends: Vec<usize>,
    table: HashTable<u32>,
    hasher: FixedState,
    /// Which key followed each key the last time: rows repeat the order of the scrape before.
    after: Vec<u32>,
    previous: u32,
}

impl Keys {
    /// Returns the number of a key and whether it is new.
    pub(super) fn number(&mut self, key: &[u8]) -> (u32, bool) {
        let guess = self.after.get(self.previous as usize).copied().unwrap_or(0);
        if (guess as usize) < self.ends.len() && self.get(guess) == key {
            self.previous = guess;
            return (guess, false);
        }
        let hash = self.hasher.hash_one(key);
        let (number, new) = match self.table.find(hash, |number| self.get(*number) == key) {
            Some(number) => (*number, false),
            None => {
                let number = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
                self.arena.extend(key);
                self.ends.push(self.arena.len());
                self.after.push(0);
                let Self { arena, ends, table, hasher, .. } = self;
                table.insert_unique(hash, number, |number| hasher.hash_one(slice(arena, ends, *number)));
                (number, true)
            }
        };
        if let Some(after) = self.after.get_mut(self.previous as usize) {
            *after = number;
        }
        self.previous = number;
        (number, new)
    }

    /// Returns the key that most likely comes next.
    pub(super) fn guess(&self) -> Option<(u32, &[u8])> {
        let guess = self.after.get(self.previous as usize).copied().unwrap_or(0);
        ((guess as usize) < self.ends.len()).then(|| (guess, self.get(guess)))
    }

    /// Says that the key of a number came.
    pub(super) fn came(&mut self, number: u32) {
        self.previous = number;
    }

    /// Forgets all keys.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Returns the key that has a number.
    pub(super) fn get(&self, number: u32) -> &[u8] {
        slice(&self.arena, &self.ends, number)
    }
}

fn slice<'a>(arena: &'a [u8], ends: &[usize], number: u32) -> &'a [u8] {
    let start = if number == 0 { 0 } else { ends[number as usize - 1] };
    &arena[start..ends[number as usize]]
}

/// Appends a field to a key so that no two lists of fields give one key.
pub(super) fn push_field(key: &mut Vec<u8>, field: &[u8]) {
    if field.len() < 0xff {
        key.push(field.len() as u8);
    } else {
        key.push(0xff);
        key.extend((field.len() as u64).to_le_bytes());
    }
    key.extend_from_slice(field);
}

/// Reads a field as the value of a label.
pub(super) fn label_value<'a>(name: &str, field: &'a [u8]) -> Result<Cow<'a, str>, String> {
    let text = std::str::from_utf8(field).map_err(|_| format!("`{name}` is not valid UTF-8"))?;
    if text.contains('\0') {
        return Err(format!("`{name}` has a NUL byte"));
    }
    Ok(match name {
        "le" | "quantile" => super::number::normalised_bound(text).into(),
        _ => text.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_have_one_number() {
        let mut keys = Keys::default();
        let texts: Vec<String> = (0..500).map(|at| format!("key-{}", at % 100)).collect();
        for (at, text) in texts.iter().enumerate() {
            assert_eq!(keys.number(text.as_bytes()), ((at % 100) as u32, at < 100));
        }
        assert_eq!(keys.number(b""), (100, true));
    }

    #[test]
    fn fields_do_not_run_together() {
        let key = |fields: &[&[u8]]| {
            let mut key = Vec::new();
            fields.iter().for_each(|field| push_field(&mut key, field));
            key
        };
        assert_ne!(key(&[b"a", b"bc"]), key(&[b"ab", b"c"]));
        assert_ne!(key(&[b"", b"a"]), key(&[b"a", b""]));
    }
}
