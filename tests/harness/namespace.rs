//! A network namespace that lives as long as something holds it: no names, nothing to delete, nothing left after a crash.

use crate::{Error, Result};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One network namespace. The kernel drops it, with every device in it, when the last handle and process are gone.
#[derive(Debug)]
pub struct Namespace {
    handle: File,
}

impl Namespace {
    /// Creates an empty namespace with its loopback device up.
    ///
    /// # Errors
    /// The kernel or the caller's privileges do not allow it.
    pub fn new() -> Result<Self> {
        let handle = first_handle().map_err(Error::io("create a network namespace"))?;
        let namespace = Self { handle };
        namespace.ip(&["link set lo up"])?;
        Ok(namespace)
    }

    /// The namespace that this process was started in.
    ///
    /// # Errors
    /// No `/proc`.
    pub fn of_this_process() -> Result<Self> {
        Self::open(Path::new("/proc/self/ns/net"))
    }

    /// A namespace that others made, by a file that names it.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(file: &Path) -> Result<Self> {
        let handle = File::open(file).map_err(Error::io(format!("open the network namespace {}", file.display())))?;
        Ok(Self { handle })
    }

    /// A file by which other programs, `ip` and `nsenter` among them, can name the namespace while this handle lives.
    pub fn path(&self) -> PathBuf {
        format!("/proc/{}/fd/{}", std::process::id(), self.handle.as_raw_fd()).into()
    }

    /// Moves the calling thread into the namespace, for good.
    ///
    /// # Errors
    /// The caller's privileges do not allow it.
    pub fn enter(&self) -> Result<()> {
        move_into_link_name_space(self.handle.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(|source| Error::io("enter a network namespace")(source.into()))
    }

    /// Runs `work` in the namespace, on a thread of its own. Sockets that it makes stay in the namespace wherever they
    /// are used afterwards.
    ///
    /// # Errors
    /// Those of [`Namespace::enter`], and of `work`.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                self.enter()?;
                work()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// A command that runs in the namespace. The process keeps its id: `nsenter` becomes the program.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.path().display())).arg("--").arg(program);
        command
    }

    /// Runs lines of `ip` in one go.
    ///
    /// # Errors
    /// The first line that failed, as `ip` tells it.
    pub fn ip(&self, lines: &[impl AsRef<str>]) -> Result<()> {
        let batch = lines.iter().fold(String::new(), |batch, line| batch + line.as_ref() + "\n");
        let mut command = self.command("ip");
        command.args(["-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(Error::io("start ip"))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(batch.as_bytes()).map_err(Error::io("talk to ip"))?;
        }
        let output = child.wait_with_output().map_err(Error::io("wait for ip"))?;
        if output.status.success() {
            return Ok(());
        }
        let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::Command { command: format!("ip -batch: {}", batch.trim()), output })
    }
}

/// A new namespace, by way of a short-lived process in it.
fn first_handle() -> io::Result<File> {
    let mut cat = Command::new("unshare");
    cat.args(["--net", "cat"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut cat = cat.spawn()?;
    let mut handshake = || {
        // What comes back has passed through `cat`, so `unshare` has done its work.
        let (Some(stdin), Some(stdout)) = (cat.stdin.as_mut(), cat.stdout.as_mut()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        stdin.write_all(b"?")?;
        stdout.read_exact(&mut [0])?;
        File::open(format!("/proc/{}/ns/net", cat.id()))
    };
    let handle = handshake().map_err(|_| io::Error::from(io::ErrorKind::PermissionDenied));
    cat.kill()?;
    cat.wait()?;
    handle
}
