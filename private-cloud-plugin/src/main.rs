//! Entry point of the guest side of container networking.

use std::process::ExitCode;

#[cfg(unix)]
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    private_cloud_plugin::cli::Cli::of_this_process().run().await
}

#[cfg(windows)]
fn main() -> ExitCode {
    use clap::Parser;
    use private_cloud_plugin::hns::command::Hns;
    use std::io::Write;

    /// Networks of containers in the Host Network Service.
    #[derive(Parser)]
    #[command(name = "private-cloud-plugin", version, about)]
    enum Cli {
        /// Networks as documents for the Host Network Service.
        Hns(Hns),
    }

    let Cli::Hns(hns) = Cli::parse();
    match hns.run(&mut std::io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(std::io::stderr(), "error: {error}").ok();
            ExitCode::FAILURE
        }
    }
}
