//! `cargo xtask`: what developers and CI run.
#![expect(clippy::print_stdout, reason = "a command line tool talks on standard output")]

mod bench;
mod borrow;
mod lab;
mod openapi;
mod packages;
mod step;
mod test;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND

  test            everything CI runs: formatting, lints, repository rules, documentation, all tests
  lab [--once]    controller, two hosts and tenant VMs on this machine; stays until Ctrl-C, or with --once
                  only as long as it takes to check every claim
  bench [NAME]    measures every benchmark, or vfp, compiler, northbound, dissemination, proxy or containers, beside its baseline
  tidy            repository rules alone
  openapi         rewrites openapi/*.json from the code that serves them";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["test"] => test::run(),
        ["lab"] => lab::run(lab::Stay::UntilInterrupted),
        ["lab", "--once"] => lab::run(lab::Stay::Once),
        ["tidy"] => tidy::run(),
        ["bench"] => bench::run(None),
        ["bench", name] => bench::run(Some(name)),
        ["openapi"] => openapi::run(),
        [] | ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        other => {
            eprintln!("'{}' is no command.\n\n{USAGE}", other.join(" "));
            ExitCode::from(2)
        }
    }
}

/// Root of the repository.
fn repository() -> PathBuf {
    let crate_directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_directory.parent().unwrap_or(crate_directory).to_owned()
}
