//! Work that is done in the threads of the pool at hand, or one after the other without the feature `threads`: with the
//! same results in the same order.

/// Makes something of each item; `pays`: in all it is so much work that threads are woken for it.
#[cfg(feature = "threads")]
pub(crate) fn map<T: Sync, R: Send>(items: &[T], pays: bool, work: impl Fn(&T) -> R + Send + Sync) -> Vec<R> {
    use rayon::prelude::*;
    if pays { items.par_iter().map(work).collect() } else { items.iter().map(work).collect() }
}

/// Makes something of each item.
#[cfg(not(feature = "threads"))]
pub(crate) fn map<T, R>(items: &[T], _pays: bool, work: impl Fn(&T) -> R) -> Vec<R> {
    items.iter().map(work).collect()
}

/// Does two things, whose results do not depend on each other.
#[cfg(feature = "cli")]
pub(crate) fn both<A: Send, B: Send>(one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B + Send) -> (A, B) {
    rayon::join(one, other)
}

/// Frees a value that takes long to free, while the caller goes on.
#[cfg(feature = "threads")]
pub(crate) fn free<T: Send + 'static>(value: T) {
    rayon::spawn(move || drop(value));
}

/// Frees a value.
#[cfg(not(feature = "threads"))]
pub(crate) fn free<T>(value: T) {
    drop(value);
}

/// Does something with each item; `pays` as for [`map`].
#[cfg(feature = "threads")]
pub(crate) fn each<T: Send>(items: &mut [T], pays: bool, work: impl Fn(&mut T) + Send + Sync) {
    use rayon::prelude::*;
    if pays { items.par_iter_mut().for_each(work) } else { items.iter_mut().for_each(work) }
}

/// Does something with each item.
#[cfg(not(feature = "threads"))]
pub(crate) fn each<T>(items: &mut [T], _pays: bool, work: impl Fn(&mut T)) {
    items.iter_mut().for_each(work);
}
