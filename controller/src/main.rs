//! Entry point of the controller.

use clap::Parser;
use controller::config::{Command, CommandLine, Flags, Settings};
use controller::startup::{self, Application};
use controller::{openapi, telemetry};
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match CommandLine::parse().command {
        Command::Serve(flags) => serve(&flags).await,
        Command::Migrate(flags) => migrate(&flags).await,
        Command::Openapi => say(&format_args!("{:#}", openapi::document())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let causes = std::iter::successors(error.source(), |&cause| cause.source());
            let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
            // Nothing is left to do when standard error is closed.
            let _ = writeln!(io::stderr(), "controller: {text}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(flags: &Flags) -> Result<(), Box<dyn Error>> {
    telemetry::init();
    let settings = settings(flags)?;
    let application = Application::build(&settings).await?;
    say(&format_args!("controller listens on http://{}", application.address()))?;
    Ok(application.run().await?)
}

async fn migrate(flags: &Flags) -> Result<(), Box<dyn Error>> {
    telemetry::init();
    Ok(startup::migrate(&settings(flags)?).await?)
}

fn settings(flags: &Flags) -> Result<Settings, Box<dyn Error>> {
    Ok(Settings::read(flags, |name| std::env::var(name).ok())?)
}

/// Writes one line to standard output, at once.
fn say(line: &dyn std::fmt::Display) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
