//! A long-running program: started in a namespace, its output kept line by line, gone when the test is.

use crate::namespace::Namespace;
use crate::wait::DEADLINE;
use crate::{Error, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, LazyLock, Mutex, PoisonError};
use std::time::Instant;

/// A running program. Killed when dropped, and by the kernel should this process die first.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: Arc<Output>,
}

/// What a program has written so far, on both streams, in order of arrival.
#[derive(Debug, Default)]
struct Output {
    lines: Mutex<Lines>,
    grown: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    text: Vec<String>,
    /// Streams that have not ended: zero means that the program will say no more.
    open_streams: usize,
}

impl Process {
    /// Starts `program` in `namespace`, or where this process itself was started.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start(
        name: impl Into<String>,
        namespace: Option<&Namespace>,
        program: &Path,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Result<Self> {
        let command = match namespace {
            Some(namespace) => namespace.command("setpriv"),
            None => Command::new("setpriv"),
        };
        Self::start_by(name, command, program, arguments)
    }

    /// Starts `program` by way of `setpriv`, a command that runs `setpriv` wherever the program is wanted.
    ///
    /// # Errors
    /// The program cannot be started.
    pub(crate) fn start_by(
        name: impl Into<String>,
        setpriv: Command,
        program: &Path,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Result<Self> {
        let (name, mut command) = (name.into(), setpriv);
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command.args(arguments.into_iter().map(Into::into));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(command).map_err(Error::io(format!("start {name}")))?;

        let output = Arc::new(Output::default());
        output.follow(child.stdout.take());
        output.follow(child.stderr.take());
        Ok(Self { name, child, output })
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the first line from number `from` on that `pick` takes, and gives what it made of it with the number of
    /// the line after it.
    ///
    /// # Errors
    /// The program ended, or the deadline passed, without such a line.
    pub fn wait_for_line<T>(
        &self,
        what: &str,
        from: usize,
        mut pick: impl FnMut(&str) -> Option<T>,
    ) -> Result<(T, usize)> {
        let deadline = Instant::now() + DEADLINE;
        let mut next = from;
        let mut lines = self.output.lines.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            while let Some(line) = lines.text.get(next) {
                next += 1;
                if let Some(picked) = pick(line) {
                    return Ok((picked, next));
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || lines.open_streams == 0 {
                let end = if left.is_zero() { "still silent" } else { "it ended" };
                let last = format!("{end}; {} wrote:\n{}", self.name, lines.text.join("\n"));
                return Err(Error::Deadline { what: what.to_owned(), last });
            }
            lines = self.output.grown.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// All it has written.
    pub fn output(&self) -> Vec<String> {
        self.output.lines.lock().unwrap_or_else(PoisonError::into_inner).text.clone()
    }

    /// `kill -9`, as a power failure would.
    ///
    /// # Errors
    /// The operating system lost track of the process.
    pub fn kill(&mut self) -> Result<()> {
        if let Ok(Some(_)) = self.child.try_wait() {
            return Ok(()); // its number may be another's by now
        }
        kill_process(self.innermost(), Signal::KILL)
            .map_err(|source| Error::io(format!("kill {}", self.name))(source.into()))?;
        self.wait().map(drop)
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// It ignored the request until the deadline; then it is still running.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        kill_process(self.innermost(), Signal::TERM)
            .map_err(|source| Error::io(format!("end {}", self.name))(source.into()))?;
        let what = format!("{} has ended", self.name);
        let deadline = Instant::now() + DEADLINE;
        let mut lines = self.output.lines.lock().unwrap_or_else(PoisonError::into_inner);
        while lines.open_streams > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::Deadline { what, last: lines.text.join("\n") });
            }
            lines = self.output.grown.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(lines);
        self.wait()
    }

    /// The program itself. In a PID namespace it is the only child of `nsenter` or `unshare`, which end when it has; and the first
    /// program of such a namespace has ended when everything in it has.
    fn innermost(&self) -> Pid {
        let id = self.child.id();
        let name = std::fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        let child = children.trim().parse().ok().and_then(Pid::from_raw);
        let waits = ["nsenter", "unshare"].contains(&name.trim());
        child.filter(|_| waits).unwrap_or_else(|| Pid::from_child(&self.child))
    }

    fn wait(&mut self) -> Result<ExitStatus> {
        self.child.wait().map_err(Error::io(format!("wait for {}", self.name)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody to tell.
        let _ = self.kill();
        if std::thread::panicking() {
            print_tail(&self.name, &self.output());
        }
    }
}

/// Shows the last lines of a program's output where a failing test shows its own.
pub fn print_tail(name: &str, lines: &[String]) {
    let tail = lines.len().saturating_sub(60);
    eprintln!("--- last words of {name}");
    for line in &lines[tail..] {
        eprintln!("    {line}");
    }
}

impl Output {
    /// Collects the lines of `stream` until it ends.
    fn follow(self: &Arc<Self>, stream: Option<impl Read + Send + 'static>) {
        let Some(stream) = stream else { return };
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).open_streams += 1;
        let output = Arc::clone(self);
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines() {
                let Ok(line) = line else { break };
                output.lines.lock().unwrap_or_else(PoisonError::into_inner).text.push(line);
                output.grown.notify_all();
            }
            output.lines.lock().unwrap_or_else(PoisonError::into_inner).open_streams -= 1;
            output.grown.notify_all();
        });
    }
}

type Order = (Command, Sender<std::io::Result<Child>>);

/// The kernel sends the parent-death signal when the *thread* that started a process ends, so one thread that lives as
/// long as the process starts them all, from the namespace that the process itself was started in.
static SPAWNER: LazyLock<Sender<Order>> = LazyLock::new(|| {
    let (sender, orders) = channel::<Order>();
    std::thread::spawn(move || {
        // Without the privilege for this, no thread can have left that namespace either.
        let _ = Namespace::of_this_process().and_then(|home| home.enter());
        for (mut command, reply) in orders {
            let _ = reply.send(command.spawn());
        }
    });
    sender
});

fn spawn(command: Command) -> std::io::Result<Child> {
    let (reply, answer) = channel();
    let gone = |()| std::io::Error::other("the spawning thread is gone");
    SPAWNER.send((command, reply)).map_err(|_| gone(()))?;
    answer.recv().map_err(|_| gone(()))?
}
