//! A tenant VM as a machine of its own: beside its network it has its own processes and its own `/run`, `/etc`, `/opt` and
//! `/var/lib`, so that programs run in it with their defaults, as on a VM, and disturb nothing of this machine.
//!
//! Everything in it ends with it: the kernel kills every process of a PID namespace whose first one dies, and its mounts
//! go with the last of them.

use crate::control_groups::ControlGroups;
use crate::fabric::{Fabric, on_fabric};
use crate::namespace::Namespace;
use crate::process::Process;
use crate::vm::Vm;
use crate::{Error, Result, support};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

/// [`on_fabric`] for stories with containers; says aloud why if there can be none here.
///
/// # Panics
/// The story failed.
pub fn on_container_fabric<F>(hosts: u8, story: F)
where
    F: AsyncFnOnce(&mut Fabric) -> Result<()> + Send,
{
    match support::missing_for_containers() {
        None => on_fabric(hosts, story),
        Some(missing) => support::skip_aloud(&missing),
    }
}

/// What the first process does: directories that are written to become the guest's own, empty but for `/etc`. It reaps
/// orphans by ignoring their end.
const INIT: &str = "
set -e
mount -t tmpfs -o mode=755 none /run
cp -a /etc /run/etc
mount --bind /run/etc /etc
mkdir -p /run/home /run/lock
for directory in /var/lib /opt; do mount -t tmpfs -o mode=755 none $directory; done
trap '' CHLD
echo the guest is up
exec sleep infinity
";

/// A running guest.
#[derive(Debug)]
pub struct Guest {
    /// Its NIC, and its network.
    pub vm: Vm,
    init: Process,
    // Last, because they can go when their processes have.
    groups: ControlGroups,
}

impl Guest {
    /// Makes a machine of a VM.
    ///
    /// # Errors
    /// This process is no root, or a mount failed.
    pub fn boot(vm: Vm) -> Result<Self> {
        let init = boot(&vm)?;
        Ok(Self { vm, init, groups: ControlGroups::new() })
    }

    /// Power off and on: every process and every file in `/run` is gone; `keep`, directories below `/var/lib` and `/etc`, are
    /// as they were, as is all that the network of the VM has.
    ///
    /// # Errors
    /// As [`Guest::boot`].
    pub fn reboot(&mut self, keep: &[&str]) -> Result<()> {
        let files = tempfile::tempdir().map_err(Error::io("make a directory"))?;
        let archive = files.path().join("kept.tar");
        let shell = |script: String| -> Result<()> {
            let mut command = self.command("sh");
            output("sh", command.args(["-c", &script])).map(drop)
        };
        shell(format!("tar -C / -cf {} {}", archive.display(), keep.join(" ")))?;
        self.init.kill()?;
        self.init = boot(&self.vm)?;
        let mut command = self.command("tar");
        output("tar", command.args(["-C", "/", "-xf"]).arg(&archive)).map(drop)
    }

    /// A command in the guest.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let init = self.init.id();
        let mut command = Command::new("nsenter");
        command.args([
            format!("--mount=/proc/{init}/ns/mnt"),
            format!("--pid=/proc/{init}/ns/pid_for_children"),
            format!("--net=/proc/{init}/ns/net"),
        ]);
        command.arg("--").arg(program).env("HOME", "/run/home").env_remove("DOCKER_HOST");
        command
    }

    /// Runs a command in the guest and gives what it wrote.
    ///
    /// # Errors
    /// It failed; with what it wrote to its error stream.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        output(program, self.command(program).args(arguments))
    }

    /// Starts a long-running program in the guest.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(
        &self,
        name: impl Into<String>,
        program: &Path,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Result<Process> {
        Process::start_by(name, self.command("setpriv"), program, arguments)
    }

    /// A file of the guest, as this machine can open it.
    pub fn file(&self, path: &str) -> PathBuf {
        format!("/proc/{}/root{path}", self.init.id()).into()
    }

    /// The control group, in every hierarchy, in which programs of the guest are to make theirs.
    pub fn groups(&self) -> &str {
        self.groups.name()
    }

    /// The network namespace of a process of the guest, which has this id there.
    ///
    /// # Errors
    /// There is no such process.
    pub fn namespace_of(&self, process: u32) -> Result<Namespace> {
        Namespace::open(&self.file(&format!("/proc/{process}/ns/net")))
    }
}

fn boot(vm: &Vm) -> Result<Process> {
    let arguments = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"];
    let arguments = arguments.into_iter().chain(["sh", "-c", INIT]);
    let init = Process::start(format!("guest {}", vm.name), Some(&vm.namespace), Path::new("unshare"), arguments)?;
    init.wait_for_line("the guest is up", 0, |line| (line == "the guest is up").then_some(()))?;
    Ok(init)
}

/// What a command wrote, if it succeeded.
pub(crate) fn output(name: &str, command: &mut Command) -> Result<String> {
    let output = command.output().map_err(Error::io(format!("run {name}")))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let arguments: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    Err(Error::Command { command: arguments.join(" "), output: said })
}
