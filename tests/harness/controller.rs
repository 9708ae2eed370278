//! The real controller as a process, on a database file that outlives it.

use crate::binaries;
use crate::namespace::Namespace;
use crate::process::Process;
use crate::rest::Rest;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// A running `controller serve`.
#[derive(Debug)]
pub struct ControllerProcess {
    process: Process,
    url: String,
    database: PathBuf,
    more: Vec<String>,
}

impl ControllerProcess {
    /// Starts a controller on `directory/controller.db`, which it makes when missing, on a free loopback port of
    /// `namespace` (or of where this process was started).
    ///
    /// # Errors
    /// It does not start.
    pub fn start(namespace: Option<&Namespace>, directory: &Path) -> Result<Self> {
        Self::start_with(namespace, directory, &[])
    }

    /// The same with more command line arguments.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_with(namespace: Option<&Namespace>, directory: &Path, more: &[&str]) -> Result<Self> {
        let database = directory.join("controller.db");
        let more: Vec<String> = more.iter().map(|&argument| argument.to_owned()).collect();
        let (process, url) = launch(namespace, &database, &more)?;
        Ok(Self { process, url, database, more })
    }

    /// Starts it again on the same database, after [`Process::kill`] or [`Process::terminate`]; on another port.
    ///
    /// # Errors
    /// It does not start.
    pub fn restart(&mut self, namespace: Option<&Namespace>) -> Result<()> {
        (self.process, self.url) = launch(namespace, &self.database, &self.more)?;
        Ok(())
    }

    /// Where it listens, such as `http://127.0.0.1:8080`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A client of it.
    pub fn rest(&self) -> Rest {
        Rest::new(&self.url)
    }

    /// Its database file.
    pub fn database(&self) -> &Path {
        &self.database
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

fn launch(namespace: Option<&Namespace>, database: &Path, more: &[String]) -> Result<(Process, String)> {
    let program = binaries::path(binaries::CONTROLLER)?;
    let database = format!("sqlite://{}", database.display());
    let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--database", database.as_str()];
    arguments.extend(more.iter().map(String::as_str));
    let process = Process::start("controller", namespace, &program, arguments)?;
    let url = announced(&process, "controller listens on ")?;
    Ok((process, url))
}

/// The address at the end of the line by which a server of ours says that it is ready.
pub(crate) fn announced(process: &Process, words: &str) -> Result<String> {
    let pick = |line: &str| line.strip_prefix(words).map(|url| url.trim().to_owned());
    let (url, _) = process.wait_for_line(&format!("'{words}…' is said"), 0, pick)?;
    if url.starts_with("http://") { Ok(url) } else { Err(Error::Claim(format!("'{words}{url}' names no address"))) }
}
