//! A real docker engine in a guest, with an image made of this machine's `busybox`. No registry, and nothing of this
//! machine's own engine, is involved.

use crate::guest::{Guest, output};
use crate::namespace::Namespace;
use crate::process::Process;
use crate::{Error, Result, wait};
use std::net::IpAddr;
use std::path::Path;

/// The only image.
pub const IMAGE: &str = "busybox";

/// The engine's own socket.
pub const ENGINE: &str = "unix:///var/run/docker.sock";

/// A running engine. Its containers end with the guest.
#[derive(Debug)]
pub struct Docker {
    engine: Process,
}

/// A running container.
#[derive(Debug)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its only address.
    pub address: IpAddr,
    /// Its network.
    pub namespace: Namespace,
}

impl Docker {
    /// Starts an engine with no network of its own, and imports [`IMAGE`] unless it has it.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(guest: &Guest) -> Result<Self> {
        let docker = Self { engine: launch(guest)? };
        docker.answers(guest).await?;
        let script = format!(
            "set -e; docker image inspect {IMAGE} >/dev/null 2>&1 && exit; d=$(mktemp -d); mkdir $d/bin; cp $(command -v busybox) $d/bin/; for a in sh ping nc ip sleep cat; \
             do ln -s busybox $d/bin/$a; done; tar -C $d -c . | docker import - {IMAGE}; rm -r $d"
        );
        guest.run("sh", &["-c", &script])?;
        Ok(docker)
    }

    /// Ends the engine as its service manager would, and starts it again. Containers end with it.
    ///
    /// # Errors
    /// It does not end, or does not start.
    pub async fn restart(&mut self, guest: &Guest) -> Result<()> {
        self.engine.terminate()?;
        self.engine = launch(guest)?;
        self.answers(guest).await
    }

    /// All it has written.
    pub fn output(&self) -> Vec<String> {
        self.engine.output()
    }

    async fn answers(&self, guest: &Guest) -> Result<()> {
        let version = async || docker(guest, ENGINE, &["version"]).map(drop);
        wait::until("the docker engine answers", version).await
    }
}

/// The `docker` command against the socket `host`; gives what it wrote.
///
/// # Errors
/// It failed, with what it wrote.
pub fn docker(guest: &Guest, host: &str, arguments: &[&str]) -> Result<String> {
    output("docker", guest.command("docker").env("DOCKER_HOST", host).args(arguments))
}

impl Container {
    /// `docker run` of a container that does nothing, on `network`; with more arguments.
    ///
    /// # Errors
    /// `docker` failed, or the container has no address.
    pub fn run(guest: &Guest, host: &str, network: &str, name: &str, more: &[&str]) -> Result<Self> {
        let network_argument = format!("--network={network}");
        let mut arguments = vec!["run", "--detach", "--stop-signal=KILL", "--name", name, &network_argument];
        arguments.extend(more);
        arguments.extend([IMAGE, "sleep", "1000000"]);
        docker(guest, host, &arguments)?;
        Self::find(guest, name)
    }

    /// A container that runs.
    ///
    /// # Errors
    /// There is none of this name, or it has no address.
    pub fn find(guest: &Guest, name: &str) -> Result<Self> {
        let format = "{{.State.Pid}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let line = docker(guest, ENGINE, &["inspect", "--format", format, name])?;
        let unclear = || Error::Claim(format!("docker says of container {name}: '{line}'"));
        let (process, address) = line.split_once(' ').ok_or_else(unclear)?;
        let process: u32 = process.parse().map_err(|_| unclear())?;
        let address = address.parse().map_err(|_| unclear())?;
        Ok(Self { name: name.to_owned(), address, namespace: guest.namespace_of(process)? })
    }
}

fn launch(guest: &Guest) -> Result<Process> {
    let parent = format!("/{}", guest.groups());
    let arguments = [
        "--bridge",
        "none",
        "--iptables=false",
        "--ip6tables=false",
        "--exec-opt",
        "native.cgroupdriver=cgroupfs",
        "--cgroup-parent",
        &parent,
    ];
    guest.start(format!("docker engine of {}", guest.vm.name), Path::new("dockerd"), arguments)
}
