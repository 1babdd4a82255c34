//! The `alertctl` tool: shows offline what alert rules would have done on recorded metrics.
//!
//! ```text
//! alertctl eval -r rules/node.yml fixtures/node.csv
//! ```
//! Parses the command line, dispatches, and turns the outcome into an exit code: 0 done, 1 done and a `--fail-on` is
//! met, 2 could not be done, 130 stopped by Ctrl-C (143 by SIGTERM, 129 by SIGHUP). Everything else is the library's:
//! see [`alertctl`], whose first page is the map.

use std::process::ExitCode;

/// Counts what `profile` asks it to count; one load of a flag an allocation otherwise.
#[global_allocator]
static ALLOCATOR: alertctl::alloc::CountingAllocator = alertctl::alloc::CountingAllocator;

/// Looks at the standard streams before the runtime does.
///
/// Before `main`, Rust's runtime opens /dev/null in place of a standard stream that is closed, so that all that is
/// written there is lost without an error. Afterwards that cannot be distinguished from a /dev/null that was meant: it
/// is open for reading and writing, as Python's `subprocess.DEVNULL` is too. So the look is taken by a function that
/// the C runtime calls before.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
mod streams {
    use std::sync::atomic::{AtomicBool, Ordering};

    static STDOUT_CLOSED: AtomicBool = AtomicBool::new(false);

    #[used]
    #[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
    #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
    #[expect(unsafe_code, reason = "the one way to be called before the runtime; the section holds such functions")]
    static LOOK: extern "C" fn() = look;

    #[expect(unsafe_code, reason = "fcntl is a call into C; with F_GETFD it changes nothing")]
    extern "C" fn look() {
        // SAFETY: F_GETFD takes any number for a descriptor and no pointer.
        let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
        STDOUT_CLOSED.store(flags == -1, Ordering::Relaxed);
    }

    /// Returns whether standard output was closed when the process began.
    pub(crate) fn stdout_closed() -> bool {
        STDOUT_CLOSED.load(Ordering::Relaxed)
    }
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
mod streams {
    /// Returns whether standard output was closed when the process began: not known here.
    pub(crate) fn stdout_closed() -> bool {
        false
    }
}

fn main() -> ExitCode {
    let given = alertctl::cli::Given { stdout_closed: streams::stdout_closed() };
    ExitCode::from(alertctl::cli::run(given).code())
}
