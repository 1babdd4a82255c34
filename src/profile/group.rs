//! Process groups: a program and all that it starts, killed together.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

/// The groups that are alive.
static ALIVE: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// A program in a group of its own, which is killed when this is dropped.
///
/// A wrapper script may start others, which outlive it when it alone is killed.
#[derive(Debug)]
pub(crate) struct Group {
    child: Child,
    id: Pid,
}

impl Group {
    /// Starts a program.
    ///
    /// # Errors
    /// As [`Command::spawn`].
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        let mut alive = lock();
        let child = command.process_group(0).spawn()?;
        let id = Pid::from_child(&child);
        alive.push(id);
        Ok(Self { child, id })
    }

    /// Takes the ends of its pipes.
    pub(crate) fn pipes(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>) {
        (self.child.stdin.take(), self.child.stdout.take())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let mut alive = lock();
        // Until it is waited for, its id belongs to no other process or group.
        let _ = kill_process_group(self.id, Signal::KILL);
        alive.retain(|id| *id != self.id);
        drop(alive);
        let _ = self.child.wait();
    }
}

fn lock() -> MutexGuard<'static, Vec<Pid>> {
    ALIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The end of all groups: none is started while this is held.
#[derive(Debug)]
pub(crate) struct Ended {
    _alive: MutexGuard<'static, Vec<Pid>>,
}

/// Kills all processes that measure, and what they started; for a parent that ends without dropping its workers.
#[must_use]
pub(crate) fn end_all() -> Ended {
    let alive = lock();
    for id in alive.iter() {
        let _ = kill_process_group(*id, Signal::KILL);
    }
    Ended { _alive: alive }
}
