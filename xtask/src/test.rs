//! `cargo xtask test`: everything that must hold before a change is merged, in one run.

use crate::packages::{self, is_root};
use crate::step::{Outcome, Steps};
use crate::{borrow, repository, tidy};
use harness::support::{REQUIRE_PACKETS, on_path};
use std::ffi::OsStr;
use std::process::{Command, ExitCode};

/// Where the drivers of Windows' Host Networking Service are to run.
const WINDOWS: &str = "x86_64-pc-windows-gnu";

/// How long random frames are thrown at the engine.
const FUZZ_SECONDS: u32 = 20;

/// Does every step, also after one has failed.
pub(crate) fn run() -> ExitCode {
    let mut steps = Steps::default();
    steps.run("Debian packages", packages::install);
    steps.command("formatting", &mut cargo(["fmt", "--all", "--check"]));
    steps.command("lints", &mut cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]));
    steps.run("repository rules", || if tidy::check() { Outcome::Passed } else { Outcome::Failed });
    let mut documentation = cargo(["doc", "--workspace", "--no-deps", "--document-private-items"]);
    steps.command("documentation", documentation.env("RUSTDOCFLAGS", "-D warnings"));
    if on_path("cargo-deny") {
        steps.command("dependencies", &mut cargo(["deny", "check", "bans", "licenses", "sources"]));
    } else {
        steps.run("dependencies", || Outcome::Skipped("cargo-deny is not installed".to_owned()));
    }
    windows(&mut steps);
    tests(&mut steps);
    fuzz(&mut steps);
    steps.finish()
}

/// What of the guest side runs on Windows compiles for it; it takes the target's standard library.
fn windows(steps: &mut Steps) {
    let targets = Command::new("rustup").args(["target", "list", "--installed"]).output();
    let installed = targets.is_ok_and(|list| String::from_utf8_lossy(&list.stdout).lines().any(|line| line == WINDOWS));
    if !installed {
        steps.run("check for Windows", || Outcome::Skipped(format!("rustup has no target {WINDOWS}")));
        return;
    }
    let package = ["--package", "private-cloud-plugin", "--target", WINDOWS];
    steps.command("check for Windows", cargo(["clippy"]).args(package).args(["--", "-D", "warnings"]));
}

/// All tests. Those that move real packets need network namespaces: root has them, others may borrow them.
fn tests(steps: &mut Steps) {
    if is_root() {
        steps.command("tests", cargo(["test", "--workspace"]).env(REQUIRE_PACKETS, "1"));
        return;
    }
    steps.command("tests without system tests", &mut cargo(["test", "--workspace", "--exclude", "system-tests"]));
    if borrow::can_borrow() {
        let mut command = borrow::borrowing("cargo");
        command.args(["test", "--package", "system-tests"]).current_dir(repository());
        steps.command("system tests, with the privileges of a user namespace", &mut command);
    } else {
        println!("neither root nor user namespaces: tests with real packets will be skipped");
        steps.command("system tests", &mut cargo(["test", "--package", "system-tests"]));
    }
}

/// Random frames for a little while; it takes a nightly toolchain and `cargo-fuzz`.
fn fuzz(steps: &mut Steps) {
    let nightly = Command::new("rustup").args(["run", "nightly", "rustc", "--version"]).output();
    if !on_path("cargo-fuzz") || !nightly.is_ok_and(|output| output.status.success()) {
        steps.run("fuzzing", || Outcome::Skipped("a nightly toolchain and cargo-fuzz are needed".to_owned()));
        return;
    }
    let seconds = format!("-max_total_time={FUZZ_SECONDS}");
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo", "fuzz", "run", "frames", "--", &seconds]);
    // The toolchain of this run must not reach the other one.
    command.env_remove("CARGO").env_remove("RUSTC").env_remove("RUSTUP_TOOLCHAIN");
    steps.command("fuzzing", command.current_dir(repository().join("vfp")));
}

fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    // Cargo names the toolchain it runs under; that one and no other.
    let program = std::env::var_os("CARGO");
    let mut command = Command::new(program.as_deref().unwrap_or(OsStr::new("cargo")));
    command.args(arguments).current_dir(repository());
    command
}
