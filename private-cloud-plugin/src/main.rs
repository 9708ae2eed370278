//! Entry point of the guest side of container networking.

use private_cloud_plugin::cli::Cli;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    Cli::of_this_process().run().await
}
