//! Processes that measure: the program itself, started again, given work by lines of JSON.
//!
//! Processes of one program differ more than the batches of one process: where the kernel put its memory, what its
//! caches held. So what is measured once is measured in several.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use serde::Serialize;
use thiserror::Error;

use super::group::Group;
use super::protocol::{Answer, Hello, Job, PROTOCOL, Timed};

/// The hidden flag that makes a process a worker.
pub const WORKER_FLAG: &str = "--worker";
/// The longest line that is read from a worker. Unit: bytes.
const LINE_BYTES: u64 = 64 << 20;
/// How long a worker may take to say what it is.
const GREETING: Duration = Duration::from_secs(20);
/// How long a worker may take for one answer, besides what its work is expected to take.
const SPARE: Duration = Duration::from_secs(30);
/// What a worker reads at least, of rules and recordings. Unit: bytes a second.
const READ_PER_S: u64 = 500_000;
/// How many times the slowest answer so far another one may take, and once more for each rule.
const SLOWER: u32 = 20;
/// How often a waiting parent looks whether it should stop.
const GLANCE: Duration = Duration::from_millis(10);

/// Says why a worker gave no answer.
#[derive(Debug, Error)]
pub enum WorkerError {
    /// It cannot be started.
    #[error("cannot start `{}`: {error}", .path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
    /// It is another program.
    #[error("`{}` is not alertctl: it did not answer as `alertctl profile` does", .0.display())]
    Stranger(PathBuf),
    /// It speaks another protocol.
    #[error("`{}` uses the worker protocol `{found}`, this alertctl `{PROTOCOL}`", .path.display())]
    Protocol {
        /// The program.
        path: PathBuf,
        /// What it speaks.
        found: String,
    },
    /// It ended, or its answer makes no sense.
    #[error("`{}` stopped measuring: {what}", .path.display())]
    Broken {
        /// The program.
        path: PathBuf,
        /// What was seen.
        what: String,
    },
    /// It did not answer in time.
    #[error("`{}` did not answer within {} s and was killed", .0.display(), .1.as_secs())]
    Silent(PathBuf, Duration),
    /// It answered that it could not do it.
    #[error("{0}")]
    Failed(String),
    /// The user pressed Ctrl-C.
    #[error("stopped")]
    Interrupted,
}

/// The slowest answer that workers gave so far, which all of one campaign share: what another one may take.
#[derive(Clone, Debug, Default)]
pub struct Slowest(Rc<Cell<Duration>>);

/// A process that measures; it is killed with all that it started when this is dropped, whatever it is doing.
pub struct Worker<'a> {
    path: PathBuf,
    /// What is written to its input; it ends with this.
    jobs: Sender<String>,
    lines: Receiver<io::Result<String>>,
    stop: &'a dyn Fn() -> bool,
    slowest: Slowest,
    /// How many rules it has.
    rules: u32,
    /// How long the job at hand may take besides what is known of answers.
    spare: Duration,
    _group: Group,
    /// What it is.
    pub hello: Hello,
}

impl<'a> Worker<'a> {
    /// Starts a program as a worker; `stop` is asked while it is waited for.
    ///
    /// # Errors
    /// When it cannot be started, or is no worker that speaks [`PROTOCOL`].
    pub fn start(
        path: &Path,
        foreign: bool,
        stop: &'a dyn Fn() -> bool,
        slowest: Slowest,
    ) -> Result<Self, WorkerError> {
        let stderr = if foreign { Stdio::null() } else { Stdio::inherit() };
        let mut command = Command::new(path);
        command.args(["profile", WORKER_FLAG]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
        let mut group =
            Group::start(&mut command).map_err(|error| WorkerError::Start { path: path.to_owned(), error })?;
        let (stdin, stdout) = group.pipes();
        let (jobs, texts) = channel::<String>();
        if let Some(mut stdin) = stdin {
            // One that does not read blocks this thread, not the one that watches the clock.
            std::thread::spawn(move || {
                for text in texts {
                    if stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).is_err() {
                        break;
                    }
                }
            });
        }
        let (send, lines) = channel();
        if let Some(stdout) = stdout {
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
        let path = path.to_owned();
        let mut worker = Self { path, jobs, lines, stop, slowest, rules: 0, spare: SPARE, _group: group, hello };
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
        self.spare = SPARE.saturating_add(job.expected());
        self.jobs.send(text).map_err(|_| {
            if (self.stop)() { WorkerError::Interrupted } else { broken("it closed its input".to_owned()) }
        })
    }

    /// Returns how long the next answer may take.
    fn patience(&self) -> Duration {
        self.spare.saturating_add(self.slowest.0.get().saturating_mul(SLOWER.saturating_add(self.rules)))
    }

    /// Waits for an answer.
    ///
    /// # Errors
    /// When there is none, or it is that the job could not be done.
    pub fn answer(&mut self) -> Result<Answer, WorkerError> {
        let begun = Instant::now();
        let line = self.line(self.patience())?;
        self.slowest.0.set(self.slowest.0.get().max(begun.elapsed()));
        match serde_json::from_str(&line) {
            Ok(Answer::Failed { message }) => Err(WorkerError::Failed(message)),
            Ok(answer) => {
                if let Answer::Loaded { rules, .. } = &answer {
                    self.rules = u32::try_from(rules.len()).unwrap_or(u32::MAX);
                }
                Ok(answer)
            }
            Err(error) => Err(WorkerError::Broken {
                path: self.path.clone(),
                what: format!("its answer makes no sense: {error}"),
            }),
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

    /// Waits until it has measured a turn: what it reports then comes into `timed`. Returns whether it was the last
    /// one.
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
        WorkerError::Broken { path: self.path.clone(), what: "its answer is of the wrong kind".to_owned() }
    }
}

impl Job {
    /// Returns how long it takes by what is known of it beforehand.
    fn expected(&self) -> Duration {
        match self {
            Self::Load(inputs) => {
                let rules: u64 = inputs.rules.iter().map(|rule| rule.text.len() as u64).sum();
                Duration::from_secs(inputs.recording_bytes.saturating_add(rules) / READ_PER_S)
            }
            Self::Grow { budget_us } => Duration::from_micros(*budget_us),
            _ => Duration::ZERO,
        }
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

/// Reads jobs, one per line, until there are none, and writes what `work` answers to each.
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
            Err(error) => say(&Answer::Failed { message: format!("the worker does not support this job: {error}") })?,
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
    use crate::profile::protocol::{Counted, Inputs, RuleSource};
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
        assert!(lines[2].contains("does not support"), "{}", lines[2]);
    }

    #[test]
    fn another_program_is_no_worker() {
        let check = |path: &str| {
            let error = Worker::start(Path::new(path), true, &|| false, Slowest::default())
                .err()
                .map(|error| error.to_string());
            error.unwrap_or_default()
        };
        assert!(check("/bin/echo").contains("is not alertctl"), "{}", check("/bin/echo"));
        assert!(check("/bin/none-such").contains("cannot start"), "{}", check("/bin/none-such"));
    }

    /// Makes a program that greets, starts another one and hangs; returns it and where it writes the other's id.
    fn hanging(folder: &Path) -> (PathBuf, PathBuf) {
        use std::os::unix::fs::PermissionsExt;
        let (path, id) = (folder.join("wrapper"), folder.join("id"));
        let hello = serde_json::to_string(&Hello::own()).expect("JSON");
        let text = format!("#!/bin/sh\nsleep 600 &\necho $! > '{}'\necho '{hello}'\nsleep 600\n", id.display());
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a program");
        (path, id)
    }

    /// Waits until a process is gone, or waits for a parent that does not look.
    fn is_gone(id: &Path) -> bool {
        let id = std::fs::read_to_string(id).expect("an id");
        let alive = || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
        };
        let begun = Instant::now();
        while alive() && begun.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(GLANCE);
        }
        !alive()
    }

    #[test]
    fn what_a_wrapper_started_is_killed_with_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, id) = hanging(folder.path());
        let worker = Worker::start(&path, true, &|| false, Slowest::default());
        drop(worker.map_err(|error| error.to_string()).expect("a greeting"));
        assert!(is_gone(&id));
    }

    #[test]
    fn one_that_hangs_after_its_greeting_is_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, id) = hanging(folder.path());
        let begun = Instant::now();
        let mut worker = Worker::start(&path, true, &|| false, Slowest::default())
            .map_err(|error| error.to_string())
            .expect("hello");
        // More than a pipe holds, which nobody reads.
        let rules = vec![RuleSource { name: "r.yml".to_owned(), text: " ".repeat(400_000) }];
        worker.send(&Job::Load(Box::new(Inputs { rules, ..Inputs::default() }))).expect("it is alive");
        worker.spare = Duration::from_millis(100);
        let error = worker.answer().expect_err("it hangs").to_string();
        assert!(error.contains("did not answer within 0 s and was killed"), "{error}");
        drop(worker);
        assert!(is_gone(&id) && begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_worker_may_take_as_long_as_its_work() {
        let rules = vec![RuleSource { name: "r.yml".to_owned(), text: " ".repeat(500_000) }];
        let load = Job::Load(Box::new(Inputs { rules, recording_bytes: 1_000_000, ..Inputs::default() }));
        assert_eq!(load.expected(), Duration::from_secs(3));
        assert_eq!(Job::Grow { budget_us: 5_000_000 }.expected(), Duration::from_secs(5));
        assert_eq!(Job::Count.expected(), Duration::ZERO);
    }
}
