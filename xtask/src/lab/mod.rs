//! `cargo xtask lab`: the main job on one machine, with real programs and real packets.

mod claims;
mod closing;
mod containers;
mod relay;
mod report;
mod tenants;

use crate::{borrow, packages};
use harness::fabric::{Fabric, block_on};
use harness::namespace::Namespace;
use harness::{Error, Result, binaries, support};
use report::{Report, say};
use std::process::ExitCode;
use tenants::Tenants;
use tokio::signal::unix::{SignalKind, signal};

/// How long the lab stays up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stay {
    /// Only to check its claims.
    Once,
    /// Until Ctrl-C.
    UntilInterrupted,
}

/// Hosts of the lab.
const HOSTS: u8 = 2;

/// Builds the lab, checks every claim, stays or not, and leaves nothing behind.
pub(crate) fn run(stay: Stay) -> ExitCode {
    if !packages::is_root() && !borrow::has_borrowed() {
        return again_with_borrowed_privileges(stay);
    }
    if !packages::missing().is_empty() {
        say!("some packages that the lab or tests need are missing");
        say!("{}", packages::install());
    }
    if let Some(missing) = support::missing() {
        say!("The lab cannot run here. Missing: {missing}");
        return ExitCode::FAILURE;
    }
    let told = std::thread::scope(|scope| {
        // The runtime's thread moves to the site's namespace; this one stays, and with it the caller's loopback.
        let thread = scope.spawn(|| tell(stay));
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    match told {
        Ok(code) => code,
        Err(error) => {
            say!("\nThe lab broke off: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The lab of somebody who is not root.
fn again_with_borrowed_privileges(stay: Stay) -> ExitCode {
    if !borrow::can_borrow() {
        say!(
            "The lab makes network namespaces. For that it must be started as root, or the kernel must let users make"
        );
        say!(
            "user namespaces (user.max_user_namespaces above 0; on Debian kernel.unprivileged_userns_clone=1, on Ubuntu"
        );
        say!("kernel.apparmor_restrict_unprivileged_userns=0), and unshare of util-linux 2.36 or newer must be there.");
        return ExitCode::FAILURE;
    }
    say!("not root: running with the privileges of a user namespace");
    let again = std::env::current_exe().and_then(|program| {
        let mut command = borrow::borrowing(program);
        command.arg("lab");
        if stay == Stay::Once {
            command.arg("--once");
        }
        command.status()
    });
    match again {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            say!("unshare cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}

fn tell(stay: Stay) -> Result<ExitCode> {
    let mut report = Report::start();
    report.progress("building controller and agent");
    binaries::path(binaries::CONTROLLER)?;
    report.progress(&format!("starting the controller and {HOSTS} hosts, joined by a fabric"));
    let home = Namespace::of_this_process()?;
    let mut fabric = Fabric::start(HOSTS)?;
    fabric.site.enter()?;
    block_on(async {
        let lab = async {
            let story = async {
                let mut tenants = Tenants::provision(&fabric, &mut report).await?;
                claims::check_all(&mut fabric, &mut tenants, &mut report).await?;
                Ok::<_, harness::Error>(tenants)
            };
            let told = story.await;
            let tenants = told.inspect_err(|_| fabric.print_tails())?;
            report.table();
            let code = if report.all_held() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            if stay == Stay::UntilInterrupted {
                closing::stay(&home, &fabric, &tenants).await?;
            }
            Ok(code)
        };
        tokio::select! {
            outcome = lab => outcome,
            signal = asked_to_stop() => {
                signal?;
                say!("\nstopping; processes and namespaces go with this program");
                Ok(if stay == Stay::Once { ExitCode::FAILURE } else { ExitCode::SUCCESS })
            }
        }
    })
}

/// Ends when somebody wants the lab to end: Ctrl-C, `kill`, or a terminal that was closed.
async fn asked_to_stop() -> Result<()> {
    let listen = |kind| signal(kind).map_err(Error::io("listen for signals"));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hang_up = listen(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}
