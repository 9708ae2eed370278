//! The command line: what can be asked of the program, and what it answers.

mod cni;
mod docker;
mod forget;
mod install;
mod invocation;
mod status;

use crate::cni::Plugin;
use crate::docker::ServeError;
use crate::hns::command::{Hns, HnsError};
use crate::install::InstallError;
use crate::proxy::{self, ProxyError};
use crate::vm::VmError;
use crate::{store, telemetry};
use clap::{Args, Parser, Subcommand};
pub(crate) use invocation::PLUGINS;
use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Containers on tenant networks: docker and CNI plugins that use the addresses which the controller gave to this VM.
#[derive(Debug, Parser)]
#[command(name = "private-cloud-plugin", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve docker: network and address drivers, and a socket for docker's clients.
    Docker(docker::Docker),
    /// Install in this VM, or in the image of one.
    Install(install::Install),
    /// Remove what was installed.
    Uninstall(install::What),
    /// Show addresses, networks and endpoints of this VM, and whether the host's network proxy answers.
    Status(status::Status),
    /// Forget a network that docker, or the CNI configuration, does not have any more. It must have no endpoints.
    Forget(forget::Forget),
    /// Networks as documents for the Host Network Service of Windows.
    Hns(Hns),
    /// Be the CNI plugin `private-cloud`: connect containers.
    Cni(Common),
    /// Be the CNI plugin `private-cloud-ipam`: give addresses.
    Ipam(Common),
}

/// Where things are.
#[derive(Clone, Debug, Args)]
struct Common {
    /// Directory of the state, which docker service and CNI plugins share.
    #[arg(long, value_name = "DIR", env = "PRIVATE_CLOUD_STATE_DIR", default_value = store::DEFAULT_DIRECTORY)]
    state_dir: PathBuf,
    /// The host's network proxy.
    #[arg(long, value_name = "URL", env = "PRIVATE_CLOUD_PROXY", default_value = proxy::DEFAULT_URL)]
    proxy: String,
}

/// Why a command fails.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Vm(#[from] VmError),
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    Hns(#[from] HnsError),
    #[error(transparent)]
    Install(#[from] InstallError),
    #[error("cannot tell which file this program is")]
    Program(#[source] io::Error),
    #[error("cannot write the answer")]
    Output(#[from] io::Error),
}

impl Cli {
    /// What this process was started to do. The links that a CNI runtime finds mean their plugin.
    pub fn of_this_process() -> Self {
        let cni = std::env::var_os("CNI_COMMAND").is_some();
        Self::parse_from(invocation::words(std::env::args_os().collect(), cni))
    }

    /// Carries out the command. Answers go to standard output, errors to standard error with exit code 1.
    pub async fn run(self) -> ExitCode {
        telemetry::start();
        let mut out = io::stdout();
        let result = match self.command {
            Command::Docker(docker) => docker.run(&mut out).await,
            Command::Install(install) => install.run(&mut out),
            Command::Uninstall(what) => what.uninstall(&mut out),
            Command::Status(status) => status.run(&mut out).await,
            Command::Forget(forget) => forget.run(&mut out),
            Command::Hns(hns) => hns.run(&mut out).map_err(CliError::from),
            // What a runtime is told, and how, is up to the specification.
            Command::Cni(common) => return cni::run(Plugin::Network, common).await,
            Command::Ipam(common) => return cni::run(Plugin::Ipam, common).await,
        };
        let result = result.and_then(|()| Ok(out.flush()?));
        match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                // If even standard error is gone, the exit code has to do.
                writeln!(io::stderr(), "error: {}", whole(&error)).ok();
                ExitCode::FAILURE
            }
        }
    }
}

/// An error with all its causes, in one line.
pub(crate) fn whole(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}
