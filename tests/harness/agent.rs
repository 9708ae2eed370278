//! The real host agent as a process, on a state directory that outlives it.

use crate::binaries;
use crate::controller::announced;
use crate::namespace::Namespace;
use crate::process::Process;
use crate::rest::PATIENCE;
use crate::{Error, Result};
use policy::ids::NicId;
use policy::net::MacAddr;
use policy::report::{AgentStatus, PortStatus};
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// A running `southbound-agent serve`.
#[derive(Debug)]
pub struct AgentProcess {
    process: Process,
    url: String,
    settings: AgentSettings,
}

/// What an agent is started with.
#[derive(Clone, Debug)]
pub struct AgentSettings {
    /// Where it listens: an address of the host on the management network.
    pub listen: SocketAddr,
    /// Directory of its ledger.
    pub state: PathBuf,
    /// Device that carries encapsulated packets.
    pub underlay: String,
}

impl AgentProcess {
    /// Starts an agent in the namespace of its host.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(host: &Namespace, settings: AgentSettings) -> Result<Self> {
        let (process, url) = launch(host, &settings)?;
        Ok(Self { process, url, settings })
    }

    /// Starts it again on the same state directory and address, after it was stopped one way or the other.
    ///
    /// # Errors
    /// It does not start.
    pub fn restart(&mut self, host: &Namespace) -> Result<()> {
        (self.process, self.url) = launch(host, &self.settings)?;
        Ok(())
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Directory of its ledger.
    pub fn state(&self) -> &Path {
        &self.settings.state
    }

    /// The process, to stop it one way or the other.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// All it has written.
    pub fn output(&self) -> Vec<String> {
        self.process.output()
    }

    /// `GET /v1/status`.
    ///
    /// # Errors
    /// No answer, or one that cannot be read.
    pub async fn status(&self) -> Result<AgentStatus> {
        self.get("/v1/status").await
    }

    /// `GET /v1/ports`.
    ///
    /// # Errors
    /// No answer, or one that cannot be read.
    pub async fn ports(&self) -> Result<Vec<PortStatus>> {
        self.get("/v1/ports").await
    }

    /// Any document of the agent.
    ///
    /// # Errors
    /// No answer, or one that cannot be read.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let what = format!("GET {path}");
        let failed = |source| Error::Http { what: what.clone(), source };
        let request = reqwest::Client::new().get(format!("{}{path}", self.url)).timeout(PATIENCE);
        let response = request.send().await.map_err(failed)?;
        let (status, text) = (response.status(), response.text().await.map_err(failed)?);
        if !status.is_success() {
            return Err(Error::Claim(format!("{what} was answered {status}: {text}")));
        }
        serde_json::from_str(&text).map_err(|error| Error::Claim(format!("{what} answered {text}: {error}")))
    }

    /// `southbound-agent port attach`, as an operator or a hypervisor hook runs it.
    ///
    /// # Errors
    /// The command failed.
    pub fn attach(&self, host: &Namespace, device: &str, profile: NicId, mac: MacAddr) -> Result<()> {
        let (profile, mac) = (profile.to_string(), mac.to_string());
        self.command(host, &["port", "attach", "--device", device, "--profile-id", &profile, "--mac", &mac]).map(drop)
    }

    /// `southbound-agent port detach`.
    ///
    /// # Errors
    /// The command failed.
    pub fn detach(&self, host: &Namespace, device: &str, profile: NicId) -> Result<()> {
        let profile = profile.to_string();
        self.command(host, &["port", "detach", "--device", device, "--profile-id", &profile]).map(drop)
    }

    /// `southbound-agent proxy enable|disable|status`; gives what it wrote.
    ///
    /// # Errors
    /// The command failed.
    pub fn proxy(&self, host: &Namespace, verb: &str) -> Result<String> {
        self.command(host, &["proxy", verb])
    }

    fn command(&self, host: &Namespace, arguments: &[&str]) -> Result<String> {
        let mut command = host.command(binaries::path(binaries::AGENT)?);
        command.args(arguments).args(["--agent", &self.url]);
        let output = command.output().map_err(Error::io("run southbound-agent"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Error::Command { command: format!("southbound-agent {}", arguments.join(" ")), output: said })
    }
}

fn launch(host: &Namespace, settings: &AgentSettings) -> Result<(Process, String)> {
    let program = binaries::path(binaries::AGENT)?;
    let (listen, state) = (settings.listen.to_string(), settings.state.display().to_string());
    let arguments = [
        "serve",
        "--listen",
        &listen,
        "--trust-management-network",
        "--state-dir",
        &state,
        "--underlay-device",
        &settings.underlay,
    ];
    let process = Process::start(format!("agent {listen}"), Some(host), &program, arguments)?;
    let url = announced(&process, "southbound-agent listens on ")?;
    Ok((process, url))
}
