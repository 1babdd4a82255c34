//! Damaged files make the decoder panic in places where it trusts what a file says of itself.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use ::parquet::errors::{ParquetError, Result};

thread_local! {
    /// Whether a panic of this thread is caught, and is to print nothing.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Calls the decoder; a panic of it is the error of a damaged file. What it worked on must not be used after that.
pub(super) fn guarded<T>(decode: impl FnOnce() -> Result<T>) -> Result<T> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let print = take_hook();
        set_hook(Box::new(move |panic| {
            if !CAUGHT.get() {
                print(panic);
            }
        }));
    });
    let before = CAUGHT.replace(true);
    let decoded = catch_unwind(AssertUnwindSafe(decode));
    CAUGHT.set(before);
    decoded.unwrap_or_else(|_| Err(ParquetError::General("its sizes do not fit together".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        assert!(guarded(|| Ok(1)).is_ok_and(|one| one == 1));
        let broken: Result<()> = guarded(|| panic!("broken"));
        assert!(broken.is_err());
    }
}
