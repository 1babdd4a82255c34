//! Processes that measure: the program itself, started again, told what to do by lines of JSON.
//!
//! Processes of one program differ more than the batches of one process: where the kernel put its memory, what its
//! caches held. So what is measured once is measured in several.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde::Serialize;
use thiserror::Error;

use super::protocol::{Answer, Hello, Job, PROTOCOL, Timed};

/// The hidden flag that makes a process a worker.
pub const WORKER_FLAG: &str = "--worker";
/// The longest line that is read from a worker. Unit: bytes.
const LINE_BYTES: u64 = 64 << 20;
/// How long a worker may take to say what it is.
const GREETING: Duration = Duration::from_secs(20);
/// How long a worker may take for one answer.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often a waiting parent looks whether it should stop.
const GLANCE: Duration = Duration::from_millis(10);

/// Says why a worker gave no answer.
#[derive(Debug, Error)]
pub enum WorkerError {
    /// It can not be started.
    #[error("`{}` can not be started: {error}", .path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
    /// It is another program.
    #[error("`{}` is not alertctl: it did not answer as a worker of `alertctl profile` does", .0.display())]
    Stranger(PathBuf),
    /// It speaks another protocol.
    #[error("`{}` speaks the worker protocol `{found}`, this alertctl speaks `{PROTOCOL}`", .path.display())]
    Protocol {
        /// The program.
        path: PathBuf,
        /// What it speaks.
        found: String,
    },
    /// It ended, or said what makes no sense.
    #[error("a measuring process of `{}` ended early: {what}", .path.display())]
    Broken {
        /// The program.
        path: PathBuf,
        /// What was seen.
        what: String,
    },
    /// It did not answer in time.
    #[error("a measuring process of `{}` did not answer within {} s", .0.display(), .1.as_secs())]
    Silent(PathBuf, Duration),
    /// It said that it could not do it.
    #[error("{0}")]
    Failed(String),
    /// The user pressed Ctrl-C.
    #[error("stopped")]
    Interrupted,
}

/// A process that measures; it ends when this is dropped, whatever it is doing.
pub struct Worker<'a> {
    path: PathBuf,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<io::Result<String>>,
    stop: &'a dyn Fn() -> bool,
    /// What it is.
    pub hello: Hello,
}

impl<'a> Worker<'a> {
    /// Starts a program as a worker; `stop` is asked while it is waited for.
    ///
    /// # Errors
    /// When it can not be started, or is no worker that speaks [`PROTOCOL`].
    pub fn start(path: &Path, foreign: bool, stop: &'a dyn Fn() -> bool) -> Result<Self, WorkerError> {
        let stderr = if foreign { Stdio::null() } else { Stdio::inherit() };
        let mut child = Command::new(path)
            .args(["profile", WORKER_FLAG])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .map_err(|error| WorkerError::Start { path: path.to_owned(), error })?;
        let (send, lines) = channel();
        let stdin = child.stdin.take();
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stdout);
                // It ends with the pipe, or when nobody listens any more.
                while let Some(line) = next_line(&mut reader).transpose() {
                    let failed = line.is_err();
                    if send.send(line).is_err() || failed {
                        break;
                    }
                }
            });
        }
        let hello = Hello::default();
        let mut worker = Self { path: path.to_owned(), child, stdin, lines, stop, hello };
        worker.hello = worker.greeting()?;
        Ok(worker)
    }

    fn greeting(&mut self) -> Result<Hello, WorkerError> {
        let stranger = || WorkerError::Stranger(self.path.clone());
        let line = match self.line(GREETING) {
            Err(WorkerError::Interrupted) => return Err(WorkerError::Interrupted),
            line => line.map_err(|_| stranger())?,
        };
        let hello: Hello = serde_json::from_str(&line).map_err(|_| stranger())?;
        if hello.protocol != PROTOCOL {
            return Err(WorkerError::Protocol { path: self.path.clone(), found: hello.protocol });
        }
        Ok(hello)
    }

    /// Waits for a line.
    fn line(&self, patience: Duration) -> Result<String, WorkerError> {
        let begun = Instant::now();
        loop {
            if (self.stop)() {
                return Err(WorkerError::Interrupted);
            }
            let broken = |what: String| WorkerError::Broken { path: self.path.clone(), what };
            match self.lines.recv_timeout(GLANCE) {
                Ok(Ok(line)) => return Ok(line),
                Ok(Err(error)) => return Err(broken(error.to_string())),
                // Ctrl-C goes to the worker too, which may be gone before the parent has seen it.
                Err(RecvTimeoutError::Disconnected) if (self.stop)() => return Err(WorkerError::Interrupted),
                Err(RecvTimeoutError::Disconnected) => return Err(broken("it closed its output".to_owned())),
                Err(RecvTimeoutError::Timeout) if begun.elapsed() > patience => {
                    return Err(WorkerError::Silent(self.path.clone(), patience));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Gives it a job.
    ///
    /// # Errors
    /// When it is gone.
    pub fn send(&mut self, job: &Job) -> Result<(), WorkerError> {
        let broken = |what: String| WorkerError::Broken { path: self.path.clone(), what };
        let mut text = serde_json::to_string(job).map_err(|error| broken(error.to_string()))?;
        text.push('\n');
        let stdin = self.stdin.as_mut().ok_or_else(|| broken("it has no input".to_owned()))?;
        let sent = stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush());
        sent.map_err(|error| if (self.stop)() { WorkerError::Interrupted } else { broken(error.to_string()) })
    }

    /// Waits for an answer.
    ///
    /// # Errors
    /// When there is none, or it is that the job could not be done.
    pub fn answer(&mut self) -> Result<Answer, WorkerError> {
        let line = self.line(PATIENCE)?;
        match serde_json::from_str(&line) {
            Ok(Answer::Failed { message }) => Err(WorkerError::Failed(message)),
            Ok(answer) => Ok(answer),
            Err(error) => Err(WorkerError::Broken { path: self.path.clone(), what: format!("no answer: {error}") }),
        }
    }

    /// Gives a job and returns its answers up to the last one.
    ///
    /// # Errors
    /// As [`Worker::send`] and [`Worker::answer`].
    pub fn ask(&mut self, job: &Job) -> Result<Vec<Answer>, WorkerError> {
        self.send(job)?;
        let several = matches!(job, Job::Grow { .. });
        let mut answers = Vec::new();
        loop {
            match self.answer()? {
                Answer::Done => return Ok(answers),
                answer => answers.push(answer),
            }
            if !several {
                return Ok(answers);
            }
        }
    }

    /// Waits until it has measured a turn: what it tells then comes into `timed`. Returns whether it was the last one.
    ///
    /// # Errors
    /// As [`Worker::answer`].
    pub fn turn(&mut self, timed: &mut Vec<Timed>) -> Result<bool, WorkerError> {
        loop {
            match self.answer()? {
                Answer::Timed(one) => timed.push(one),
                Answer::Ready => return Ok(false),
                Answer::Done => return Ok(true),
                _ => return Err(self.odd()),
            }
        }
    }

    /// Says that what it answered makes no sense.
    #[must_use]
    pub fn odd(&self) -> WorkerError {
        WorkerError::Broken { path: self.path.clone(), what: "its answer is of another kind".to_owned() }
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        // It ends by itself when its input does; one that is still at work, or a stranger, does not wait for that.
        self.stdin = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a line without its end; none at the end of the input.
fn next_line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let read = reader.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a line without an end"));
    }
    String::from_utf8(line).map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Says an answer.
pub type Say<'a> = dyn FnMut(&Answer) -> io::Result<()> + 'a;
/// Hears the next line; none when nobody speaks any more.
pub type Hear<'a> = dyn FnMut() -> Option<String> + 'a;

/// Reads jobs, one a line, until there are none, and writes what `work` answers to each.
///
/// # Errors
/// When the pipe breaks, as it does when the parent is gone.
pub fn serve(
    input: &mut Hear<'_>,
    output: &mut impl Write,
    work: &mut dyn FnMut(Job, &mut Hear<'_>, &mut Say<'_>) -> io::Result<()>,
) -> io::Result<()> {
    write_line(output, &Hello::own())?;
    while let Some(line) = input() {
        let mut say = |answer: &Answer| write_line(output, answer);
        match serde_json::from_str::<Job>(&line) {
            Ok(job) => work(job, input, &mut say)?,
            Err(error) => say(&Answer::Failed { message: format!("the worker does not understand its job: {error}") })?,
        }
    }
    Ok(())
}

fn write_line(output: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *output, value).map_err(io::Error::from)?;
    output.write_all(b"\n")?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::protocol::Counted;
    use crate::profile::sample::Kind;

    #[test]
    fn a_worker_greets_answers_and_ends_with_its_input() {
        let mut output = Vec::new();
        let mut jobs = ["{\"job\":\"count\"}", "nonsense"].into_iter().map(str::to_owned);
        serve(&mut || jobs.next(), &mut output, &mut |job, _, say| {
            assert_eq!(job, Job::Count);
            say(&Answer::Counted { metrics: vec![Counted::new("memory.rule1", None, "bytes", Kind::Bytes, 7.0)] })
        })
        .expect("a vector takes all");
        let text = String::from_utf8(output).expect("JSON");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(serde_json::from_str::<Hello>(lines[0]).expect("a greeting"), Hello::own());
        assert_eq!(
            lines[1],
            r#"{"answer":"counted","metrics":[{"id":"memory.rule1","rule":null,"unit":"bytes","kind":"bytes","value":7.0}]}"#
        );
        assert!(lines[2].contains("does not understand"), "{}", lines[2]);
    }

    #[test]
    fn another_program_is_no_worker() {
        let check = |path: &str| {
            let error = Worker::start(Path::new(path), true, &|| false).err().map(|error| error.to_string());
            error.unwrap_or_default()
        };
        assert!(check("/bin/echo").contains("is not alertctl"), "{}", check("/bin/echo"));
        assert!(check("/bin/none-such").contains("can not be started"), "{}", check("/bin/none-such"));
    }
}
