//! Rows of bits, one a step, 64 to a word; bits beyond the last step count for nothing.

pub(crate) use crate::promql::block::set;

/// Returns how many words hold a bit for each step.
pub(crate) fn words(steps: usize) -> usize {
    steps.div_ceil(64)
}

/// Returns whether the bit of a step is set.
pub(crate) fn is_set(bits: &[u64], step: usize) -> bool {
    bits.get(step / 64).is_some_and(|word| word >> (step % 64) & 1 == 1)
}

/// Returns the word with the bits of the first `steps` steps set, as far as they are in it.
pub(crate) fn mask(word: usize, steps: usize) -> u64 {
    match steps.saturating_sub(word * 64) {
        0 => 0,
        left @ 1..=63 => (1 << left) - 1,
        _ => u64::MAX,
    }
}

/// Returns the first step in `from..steps` whose bit is set in the words that `word` makes, or `steps`.
pub(crate) fn first(from: usize, steps: usize, word: impl Fn(usize) -> u64) -> usize {
    if from >= steps {
        return steps;
    }
    let mut at = from / 64;
    let mut bits = word(at) & (u64::MAX << (from % 64));
    loop {
        if bits != 0 {
            return (at * 64 + bits.trailing_zeros() as usize).min(steps);
        }
        at += 1;
        if at * 64 >= steps {
            return steps;
        }
        bits = word(at);
    }
}

/// Returns how many bits are set in `from..to`. Cost: by words.
pub(crate) fn count(bits: &[u64], from: usize, to: usize) -> u64 {
    if from >= to {
        return 0;
    }
    let within = |word: usize| mask(word, to) & !mask(word, from);
    (from / 64..words(to)).map(|word| u64::from((bits[word] & within(word)).count_ones())).sum()
}

/// Walks over the steps below `steps` whose bits are set.
pub(crate) fn ones(bits: &[u64], steps: usize) -> impl Iterator<Item = usize> + '_ {
    let mut next = 0;
    std::iter::from_fn(move || {
        let at = first(next, steps, |word| bits[word]);
        next = at + 1;
        (at < steps).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_found_over_words() {
        let mut bits = vec![0; words(200)];
        for step in [3, 64, 130, 199] {
            set(&mut bits, step);
        }
        assert_eq!(ones(&bits, 200).collect::<Vec<_>>(), [3, 64, 130, 199]);
        assert_eq!(ones(&bits, 199).collect::<Vec<_>>(), [3, 64, 130]);
        assert_eq!(first(65, 200, |word| bits[word]), 130);
        assert_eq!(first(0, 3, |word| bits[word]), 3);
        assert_eq!((count(&bits, 0, 200), count(&bits, 4, 131), count(&bits, 64, 64)), (4, 2, 0));
        assert!(is_set(&bits, 130) && !is_set(&bits, 131) && !is_set(&bits, 1000));
        assert_eq!((mask(0, 0), mask(0, 3), mask(1, 64), mask(1, 130)), (0, 7, 0, u64::MAX));
    }
}
