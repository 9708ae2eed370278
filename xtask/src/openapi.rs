//! `cargo xtask openapi`: rewrites the committed API documents. The tests that compare them do it, when asked to.

use crate::repository;
use std::process::{Command, ExitCode};

/// Environment variable by which the comparing tests are asked to rewrite.
const UPDATE: &str = "UPDATE_OPENAPI";

/// Rewrites `openapi/*.json`.
pub(crate) fn run() -> ExitCode {
    let mut command = Command::new("cargo");
    command.args(["test", "--quiet", "--package", "controller", "--package", "southbound-agent", "openapi"]);
    match command.env(UPDATE, "1").current_dir(repository()).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cargo cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}
