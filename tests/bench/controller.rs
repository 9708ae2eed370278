//! A controller process of the same build profile, on a temporary database.

use crate::bare::listens_on;
use crate::http;
use serde_json::Value;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// A process that ends with its owner.
pub(crate) struct Server {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts `command` and waits for the line that says where it listens.
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no stdout"))?;
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        match listens_on(&line) {
            Some(address) => Ok(Self { child, _stdout: stdout, address }),
            None => {
                child.kill()?;
                Err(io::Error::other(format!("no address in '{line}'")))
            }
        }
    }

    /// Resident set of the process in MiB.
    pub(crate) fn resident_mib(&self) -> io::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kib = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
        kib.map(|kib| kib / 1024.0).ok_or_else(|| io::Error::other("no VmRSS"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A controller on a new database in `directory`.
pub(crate) fn controller(directory: &Path) -> io::Result<Server> {
    let database = format!("sqlite://{}", directory.join("controller.db").display());
    let mut command = product("controller")?;
    Server::start(command.args(["serve", "--listen", "127.0.0.1:0", "--database", &database]))
}

/// An agent that keeps its state in `directory` and moves no frames.
pub(crate) fn agent(directory: &Path) -> io::Result<Server> {
    let mut command = product("southbound-agent")?;
    Server::start(
        command.args(["serve", "--listen", "127.0.0.1:0", "--datapath", "none", "--state-dir"]).arg(directory),
    )
}

/// The program `name` of the same build profile.
fn product(name: &str) -> io::Result<Command> {
    let this = std::env::current_exe()?;
    let profile = this.parent().and_then(Path::parent).ok_or_else(|| io::Error::other("not in a target directory"))?;
    let mut command = Command::new(profile.join(name));
    command.env("RUST_LOG", "warn");
    Ok(command)
}

/// Writes `documents` one after the other.
///
/// # Errors
/// The first refusal, with its body.
pub(crate) async fn provision(server: SocketAddr, documents: Vec<(String, Value)>) -> io::Result<()> {
    let requests = documents.iter().map(|(path, body)| put(path, body, "")).collect();
    http::run(server, 1, requests).await.map(drop)
}

/// A PUT of `body` to the collection path `path`.
pub(crate) fn put(path: &str, body: &Value, extra: &str) -> Vec<u8> {
    http::with_body("PUT", &format!("/networking/v4/{path}"), &body.to_string(), extra)
}
