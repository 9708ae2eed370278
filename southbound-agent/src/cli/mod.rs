//! The command line: what can be asked of the program, and what it answers.

mod client;
mod inspect;
mod ports;
mod proxy;
mod serve;

use clap::{Args, Parser, Subcommand};
use client::{Client, ClientError};
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

/// Host agent of the network controller.
#[derive(Debug, Parser)]
#[command(name = "southbound-agent", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the agent.
    Serve(serve::Serve),
    /// Attach, detach and list VM ports of the local agent.
    #[command(subcommand)]
    Port(ports::PortCommand),
    /// Switch and watch the network proxy, which tells VMs the addresses of their network interfaces.
    #[command(subcommand)]
    Proxy(proxy::ProxyCommand),
    /// Show the way of a packet through the layers of a port.
    Trace(inspect::TraceArguments),
    /// List the flows of a port.
    Flows(inspect::OnePort),
    /// List the rules that a port is under.
    Rules(inspect::OnePort),
}

/// Which agent to ask.
#[derive(Debug, Args)]
struct AgentAddress {
    /// Address of the agent.
    #[arg(long, value_name = "URL", env = "SDN_AGENT", default_value = "http://127.0.0.1:9443")]
    agent: String,
}

/// Why a command fails.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Settings(#[from] crate::config::Mistakes),
    #[error(transparent)]
    Build(#[from] crate::startup::BuildError),
    #[error("the agent stopped")]
    Serve(#[source] io::Error),
    #[error("cannot write the answer")]
    Output(#[from] io::Error),
}

impl Cli {
    /// Carries out the command. Answers go to standard output, errors to standard error with exit code 1; a trace
    /// that ends in a drop has exit code 3.
    pub async fn run(self) -> ExitCode {
        let mut out = io::stdout().lock();
        let result = match self.command {
            Command::Serve(serve) => serve.run(&mut out).await.map(|()| ExitCode::SUCCESS),
            Command::Port(command) => command.run(&mut out).await.map(|()| ExitCode::SUCCESS),
            Command::Proxy(command) => command.run(&mut out).await.map(|()| ExitCode::SUCCESS),
            Command::Trace(arguments) => arguments.run(&mut out).await,
            Command::Flows(port) => port.flows(&mut out).await.map(|()| ExitCode::SUCCESS),
            Command::Rules(port) => port.rules(&mut out).await.map(|()| ExitCode::SUCCESS),
        };
        let result = result.and_then(|code| Ok(out.flush().map(|()| code)?));
        result.unwrap_or_else(|error| {
            report(&error);
            ExitCode::FAILURE
        })
    }
}

fn report(error: &dyn Error) {
    let mut text = format!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    // If even standard error is gone, the exit code has to do.
    writeln!(io::stderr(), "{text}").ok();
}
