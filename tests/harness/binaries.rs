//! Where the programs under test are.

use crate::{Error, Result};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The controller.
pub const CONTROLLER: &str = "controller";

/// The host agent.
pub const AGENT: &str = "southbound-agent";

/// The guest side of container networking.
pub const PLUGIN: &str = "private-cloud-plugin";

const ALL: [&str; 3] = [CONTROLLER, AGENT, PLUGIN];

/// Path of a program of ours, of the same build profile as the running executable.
///
/// Under cargo, the programs are built first (once in a process), so that a test never judges yesterday's binary.
///
/// # Errors
/// It does not build, or it is not there and cargo is not at hand.
pub fn path(program: &str) -> Result<PathBuf> {
    static DIRECTORY: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| prepare().map_err(|error| error.to_string()));
    let path = directory.as_ref().map_err(|message| Error::Claim(message.clone()))?.join(program);
    match path.try_exists() {
        Ok(true) => Ok(path),
        _ => Err(Error::Claim(format!("{} is not there; run cargo build --bins", path.display()))),
    }
}

/// Builds all programs if cargo started this process, and gives the directory they are in.
fn prepare() -> Result<PathBuf> {
    let executable = std::env::current_exe().map_err(Error::io("find the running executable"))?;
    // target/<profile>/xtask, or target/<profile>/deps/<test>
    let mut directory = executable.parent().map(PathBuf::from).unwrap_or_default();
    if directory.ends_with("deps") {
        directory.pop();
    }
    let Some(cargo) = std::env::var_os("CARGO") else { return Ok(directory) };

    let mut build = Command::new(cargo);
    build.args(["build", "--bins"]).args(ALL.iter().flat_map(|package| ["--package", package]));
    if directory.ends_with("release") {
        build.arg("--release");
    }
    build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    // What cargo says goes straight to the terminal: a first build takes minutes, and a failed one must be read.
    let status = build.status().map_err(Error::io("start cargo"))?;
    if status.success() {
        return Ok(directory);
    }
    Err(Error::Command { command: "cargo build --bins".to_owned(), output: status.to_string() })
}
