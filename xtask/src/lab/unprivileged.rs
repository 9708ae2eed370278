//! The lab without root: the same program as root of a user namespace, if the kernel lends one.

use super::Stay;
use std::process::{Command, ExitCode};

/// Runs the lab again with borrowed privileges, or says what is missing.
pub(super) fn run_as_root_of_a_user_namespace(stay: Stay) -> ExitCode {
    let lends = Command::new("unshare").args(["--user", "--map-root-user", "--net", "true"]).output();
    if !lends.is_ok_and(|output| output.status.success()) {
        println!(
            "The lab makes network namespaces. For that it must be started as root, or the kernel must let users make"
        );
        println!(
            "user namespaces (kernel.unprivileged_userns_clone=1, user.max_user_namespaces above 0; on Ubuntu also"
        );
        println!("kernel.apparmor_restrict_unprivileged_userns=0), and unshare of util-linux must be there.");
        return ExitCode::FAILURE;
    }
    println!("not root: running as root of a user namespace of its own");
    let again = std::env::current_exe().and_then(|program| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user"]).arg(program).arg("lab");
        if stay == Stay::Once {
            command.arg("--once");
        }
        command.status()
    });
    match again {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            println!("unshare cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}
