//! Steps of a longer run: each is announced, timed, and listed at the end.

use std::fmt;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    /// Not done, and why.
    Skipped(String),
}

/// Steps done so far.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<(&'static str, Outcome, Duration)>,
}

impl Steps {
    /// Announces and does one step. A failure does not keep later steps from being done: one run tells all.
    pub(crate) fn run(&mut self, name: &'static str, step: impl FnOnce() -> Outcome) {
        println!("\n=== {name}");
        let start = Instant::now();
        let outcome = step();
        println!("=== {name}: {outcome} after {:.1} s", start.elapsed().as_secs_f64());
        self.done.push((name, outcome, start.elapsed()));
    }

    /// A step that is a command.
    pub(crate) fn command(&mut self, name: &'static str, command: &mut Command) {
        self.run(name, || {
            println!("    {command:?}");
            match command.status() {
                Ok(status) if status.success() => Outcome::Passed,
                Ok(_) => Outcome::Failed,
                Err(error) => {
                    println!("cannot be started: {error}");
                    Outcome::Failed
                }
            }
        });
    }

    /// Lists all steps.
    pub(crate) fn finish(self) -> ExitCode {
        println!("\n=== summary");
        for (name, outcome, time) in &self.done {
            println!("{:>8.1} s  {name}: {outcome}", time.as_secs_f64());
        }
        let failed = self.done.iter().any(|(_, outcome, _)| *outcome == Outcome::Failed);
        println!("{}", if failed { "FAILED" } else { "everything that ran has passed" });
        if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Failed => f.write_str("FAILED"),
            Self::Skipped(why) => write!(f, "SKIPPED: {why}"),
        }
    }
}
