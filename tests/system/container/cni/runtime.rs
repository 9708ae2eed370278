//! A runtime that nobody changed: Debian's containerd, by its own command `ctr run --cni`, in a VM on a real fabric.

use crate::container::scene::{SAME_SUBNET, container_vm, near, network, plain_vm, reaches};
use harness::error::claim;
use harness::guest::{Guest, on_container_fabric};
use harness::process::Process;
use harness::{Error, Result, wait};
use std::path::Path;

/// A root file system with one program, the runtime's own loopback plugin, and a directory of programs that is the guest's own.
const PREPARE: &str = "
set -e
mkdir -p /run/files/bin /run/files/proc /opt/cni/bin
cp $(command -v busybox) /run/files/bin/sleep
cp /usr/lib/cni/loopback /opt/cni/bin
mount -t tmpfs none /usr/local/bin
";

/// The network configuration that `install` writes.
const NETWORK: &str = "/etc/cni/net.d/10-private-cloud.conflist";

struct Runtime {
    guest: Guest,
    _engine: Process,
}

impl Runtime {
    /// Installs the plugin in a guest, for a network of this mode, and starts the runtime.
    async fn start(guest: Guest, mode: &str) -> Result<Self> {
        guest.run("sh", &["-c", PREPARE])?;
        guest.plugin(&["install", "--only", "cni"])?;
        guest.run("sed", &["-i", &format!("s/\"mode\": .*/\"mode\": \"{mode}\",/"), NETWORK])?;
        let engine = guest.start("containerd", Path::new("containerd"), [""; 0])?;
        wait::until("containerd answers", async || guest.run("ctr", &["version"])).await?;
        Ok(Self { guest, _engine: engine })
    }

    /// `ctr run` of a container that does nothing; the command goes on for as long as the container.
    fn run(&self, id: &str) -> Result<Process> {
        let group = format!("/{}/{id}", self.guest.groups());
        let arguments =
            ["run", "--rm", "--rootfs", "--cni", "--cgroup", &group, "/run/files", id, "/bin/sleep", "1000000"];
        self.guest.start(format!("container {id}"), Path::new("ctr"), arguments)
    }

    /// The process in a container, once its network is made: `ctr` starts it after that.
    async fn process(&self, id: &str) -> Result<u32> {
        wait::until(&format!("container {id} runs"), async || {
            let tasks = self.guest.run("ctr", &["task", "list"])?;
            let process = tasks.lines().find_map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
                [name, process, "RUNNING"] if name == id => process.parse().ok(),
                _ => None,
            });
            process.ok_or_else(|| Error::Claim(tasks))
        })
        .await
    }

    async fn nothing_is_kept(&self) -> Result<()> {
        wait::until("nothing is kept of the containers", async || {
            let status = self.guest.plugin(&["status"])?;
            let gone = status.contains("10 offered, 0 of them in use")
                && !status.contains("endpoint")
                && !status.contains("network ");
            claim(gone, || status)
        })
        .await
    }
}

#[test]
fn containerd_connects_and_disconnects_containers_of_an_l2bridge() {
    containerd_connects_and_disconnects_containers("l2bridge");
}

#[test]
fn containerd_connects_and_disconnects_containers_of_an_l2tunnel() {
    containerd_connects_and_disconnects_containers("l2tunnel");
}

fn containerd_connects_and_disconnects_containers(mode: &str) {
    on_container_fabric(2, async |fabric| {
        network(fabric, "VNet1").await?;
        let far = plain_vm(fabric, 1, "far", "VNet1/Subnet1", 20).await?;
        let runtime = Runtime::start(Guest::boot(container_vm(fabric, "web", "VNet1").await?)?, mode).await?;

        let runs = [runtime.run("first")?, runtime.run("second")?];
        let mut containers = Vec::new();
        for id in ["first", "second"] {
            let container = runtime.guest.namespace_of(runtime.process(id).await?)?;
            reaches(&container, near(9), SAME_SUBNET)?;
            reaches(&container, near(20), SAME_SUBNET)?;
            reaches(&container, near(1), SAME_SUBNET)?;
            containers.push(container);
        }
        for octet in [101, 102] {
            reaches(&far.namespace, near(octet), SAME_SUBNET)?;
            reaches(&runtime.guest.vm.namespace, near(octet), SAME_SUBNET)?;
            for container in &containers {
                reaches(container, near(octet), SAME_SUBNET)?;
            }
        }

        let status = runtime.guest.plugin(&["status"])?;
        claim(status.contains(&format!("network cni:private-cloud {mode} ")), || status)?;
        for id in ["first", "second"] {
            runtime.guest.run("ctr", &["task", "kill", "--signal", "KILL", id])?;
        }
        runtime.nothing_is_kept().await?;
        drop(runs);
        let left = runtime.guest.run("ip", &["-br", "link", "show"])?;
        claim(!left.contains("pc-"), || left)
    });
}
