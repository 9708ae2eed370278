//! Entry point of the host agent.

use clap::Parser;
use southbound_agent::cli::Cli;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    Cli::parse().run().await
}
