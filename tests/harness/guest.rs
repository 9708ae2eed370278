//! A tenant VM as a machine of its own: beside its network it has its own processes and its own `/etc`, `/var/lib`, `/run` and
//! `/opt`, so that programs run in it with their defaults, as on a VM, and disturb nothing of this machine.
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
use tempfile::TempDir;

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

/// What the first process does, given the directory that is the guest's disk: `/etc`, `/var/lib` and `/usr/local/bin` are from
/// there, `/run` and `/opt` are the guest's own and empty, and so is the id of this start. It reaps orphans by ignoring their end.
const INIT: &str = "
set -e
test -e $0/lib || { cp -a /etc $0/etc; mkdir $0/bin $0/lib; }
mount --bind $0/etc /etc
mount --bind $0/lib /var/lib
mount --bind $0/bin /usr/local/bin
for directory in /run /opt; do mount -t tmpfs -o mode=755 none $directory; done
mkdir -p /run/home /run/lock
cat /proc/sys/kernel/random/uuid > /run/boot_id
mount --bind /run/boot_id /proc/sys/kernel/random/boot_id
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
    // After the process, because they can go when it has.
    disk: TempDir,
    groups: ControlGroups,
}

impl Guest {
    /// Makes a machine of a VM.
    ///
    /// # Errors
    /// This process is no root, or a mount failed.
    pub fn boot(vm: Vm) -> Result<Self> {
        let disk = tempfile::Builder::new().prefix("sdn-guest-").tempdir().map_err(Error::io("make a directory"))?;
        let init = boot(&vm, &disk)?;
        Ok(Self { vm, init, disk, groups: ControlGroups::new() })
    }

    /// Power off and on: every process, every file in `/run` and every rule of nftables is gone; what is on disk, in `/etc`,
    /// `/var/lib` and `/usr/local/bin`, is as it was, and the VM's device has its address.
    ///
    /// # Errors
    /// As [`Guest::boot`].
    pub fn reboot(&mut self) -> Result<()> {
        self.init.kill()?;
        output("nft", self.vm.namespace.command("nft").args(["flush", "ruleset"]))?;
        self.init = boot(&self.vm, &self.disk)?;
        Ok(())
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

fn boot(vm: &Vm, disk: &TempDir) -> Result<Process> {
    let arguments = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"];
    let disk = disk.path().to_string_lossy();
    let arguments = arguments.into_iter().chain(["sh", "-c", INIT, &disk]);
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
