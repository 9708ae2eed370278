//! The guest side of container networking, running in a guest beside its docker engine.

use crate::docker::{Container, Docker, docker};
use crate::guest::{Guest, output};
use crate::process::Process;
use crate::vm::Vm;
use crate::{Result, binaries};

/// The plugin's socket for docker's own commands, on the way to the engine.
pub const API: &str = "unix:///run/private-cloud-plugin/docker.sock";

/// Settings of the plugin that differ from its defaults, one word each.
pub type Settings = Vec<String>;

/// A tenant VM that hosts containers: a docker engine, and the plugin that gives it the tenant's network.
#[derive(Debug)]
pub struct ContainerHost {
    /// `private-cloud-plugin docker`.
    pub plugin: Plugin,
    /// The engine.
    pub engine: Docker,
    // Last, for everything in it ends with it.
    /// The machine.
    pub guest: Guest,
}

/// A running `private-cloud-plugin docker`.
#[derive(Debug)]
pub struct Plugin {
    process: Process,
    settings: Settings,
}

impl ContainerHost {
    /// Makes a machine of a VM, and starts plugin and engine in it.
    ///
    /// # Errors
    /// One of them does not start.
    pub async fn start(vm: Vm) -> Result<Self> {
        Self::start_with(vm, Settings::new()).await
    }

    /// The same with settings of the plugin.
    ///
    /// # Errors
    /// One of them does not start.
    pub async fn start_with(vm: Vm, settings: Settings) -> Result<Self> {
        let guest = Guest::boot(vm)?;
        let plugin = Plugin::start(&guest, settings)?;
        let engine = Docker::start(&guest).await?;
        Ok(Self { plugin, engine, guest })
    }

    /// The `docker` command as a user types it, with `DOCKER_HOST` set to the plugin's socket; gives what it wrote.
    ///
    /// # Errors
    /// It failed, with what it wrote.
    pub fn docker(&self, arguments: &[&str]) -> Result<String> {
        docker(&self.guest, API, arguments)
    }

    /// A command line as a user types it into a shell of the VM that has `DOCKER_HOST` set to the plugin's socket.
    ///
    /// # Errors
    /// It failed, with what it wrote.
    pub fn type_in(&self, line: &str) -> Result<String> {
        output(line, self.guest.command("sh").env("DOCKER_HOST", API).args(["-c", line]))
    }

    /// Power off and on, with everything that is on the VM's disk; plugin and engine start again.
    ///
    /// # Errors
    /// One of them does not start.
    pub async fn power_cycle(&mut self) -> Result<()> {
        self.guest.reboot()?;
        self.plugin.restart(&self.guest)?;
        self.engine = Docker::start(&self.guest).await?;
        Ok(())
    }

    /// `docker network create -d DRIVER --subnet=… --gateway=… NAME`
    ///
    /// # Errors
    /// It failed, with what it wrote.
    pub fn create_network(&self, driver: &str, subnet: &str, gateway: &str, name: &str) -> Result<()> {
        let (subnet, gateway) = (format!("--subnet={subnet}"), format!("--gateway={gateway}"));
        self.docker(&["network", "create", "-d", driver, &subnet, &gateway, name]).map(drop)
    }

    /// Runs a container that does nothing, with the next free address.
    ///
    /// # Errors
    /// It failed, with what `docker` wrote.
    pub fn run(&self, network: &str, name: &str) -> Result<Container> {
        Container::run(&self.guest, API, network, name, &[])
    }
}

impl Guest {
    /// Another of the plugin's verbs, as an administrator of the VM runs it; gives what it wrote.
    ///
    /// # Errors
    /// It failed, with what it wrote.
    pub fn plugin(&self, arguments: &[&str]) -> Result<String> {
        output("private-cloud-plugin", self.command(binaries::path(binaries::PLUGIN)?).args(arguments))
    }
}

impl Plugin {
    /// Starts it in a guest.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(guest: &Guest, settings: Settings) -> Result<Self> {
        Ok(Self { process: launch(guest, &settings)?, settings })
    }

    /// Starts it again, after it was stopped one way or the other.
    ///
    /// # Errors
    /// It does not start.
    pub fn restart(&mut self, guest: &Guest) -> Result<()> {
        self.process = launch(guest, &self.settings)?;
        Ok(())
    }

    /// The process, to stop it one way or the other.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// All it has written.
    pub fn output(&self) -> Vec<String> {
        self.process.output()
    }
}

fn launch(guest: &Guest, settings: &Settings) -> Result<Process> {
    let program = binaries::path(binaries::PLUGIN)?;
    let arguments = std::iter::once("docker").chain(settings.iter().map(String::as_str));
    let process = guest.start(format!("plugin of {}", guest.vm.name), &program, arguments)?;
    let ready = |line: &str| line.starts_with("private-cloud-plugin listens").then_some(());
    process.wait_for_line("the plugin listens", 0, ready)?;
    Ok(process)
}
