//! Debian packages that tests and lab need.

use crate::step::Outcome;
use harness::support::{ENGINE_PROGRAMS, GUEST_PROGRAMS, PROGRAMS, on_path};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Packages whose programs are not there.
pub(crate) fn missing() -> BTreeSet<&'static str> {
    let mut wanted = PROGRAMS.to_vec();
    // Only root can run containers.
    if is_root() {
        wanted.extend(GUEST_PROGRAMS);
    }
    if is_root() && !starts_services() {
        wanted.extend(ENGINE_PROGRAMS);
    }
    let mut missing: BTreeSet<&str> =
        wanted.into_iter().filter(|(program, _)| !on_path(program)).map(|(_, package)| package).collect();
    // The test with python-hnvclient makes a virtual environment.
    if !python_makes_environments() {
        missing.insert("python3-venv");
    }
    // A test reads the database as people do.
    if !on_path("sqlite3") {
        missing.insert("sqlite3");
    }
    missing
}

/// Installs what is missing if this is root on a Debian system; else says what stays missing.
pub(crate) fn install() -> Outcome {
    let missing = missing();
    if missing.is_empty() {
        println!("all there");
        return Outcome::Passed;
    }
    let names: Vec<&str> = missing.iter().copied().collect();
    let list = names.join(" ");
    if !is_root() || !on_path("apt-get") {
        return Outcome::Skipped(format!("missing and not installed, being no root of a Debian system: {list}"));
    }
    println!("installing {list}");
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").arg("-q").args(arguments);
        command.status().is_ok_and(|status| status.success())
    };
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(names);
    // A failed update is no reason to stop: the lists on the machine may do.
    if !apt(&["update"]) {
        println!("apt-get update failed; trying with the lists that are here");
    }
    if apt(&install) { Outcome::Passed } else { Outcome::Failed }
}

/// Whether an installed service is started. A docker engine changes the network of the machine it is started on, so where that
/// happens its package is for the administrator to install; tests that need it are skipped, aloud, until then.
fn starts_services() -> bool {
    Path::new("/run/systemd/system").exists()
}

/// Whether this process may do everything on the machine.
pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn python_makes_environments() -> bool {
    let probe = Command::new("python3").args(["-c", "import ensurepip, venv"]).output();
    probe.is_ok_and(|output| output.status.success())
}
