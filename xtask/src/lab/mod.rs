//! `cargo xtask lab`: the main job on one machine, with real programs and real packets.

mod claims;
mod closing;
mod relay;
mod report;
mod tenants;
mod unprivileged;

use crate::packages;
use harness::fabric::{Fabric, block_on};
use harness::namespace::Namespace;
use harness::{Result, binaries, support};
use report::Report;
use std::process::ExitCode;
use tenants::Tenants;

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
    if !packages::is_root() {
        return unprivileged::run_as_root_of_a_user_namespace(stay);
    }
    // In a borrowed user namespace one is root in name, and cannot install: then this says so.
    if support::PROGRAMS.iter().any(|(program, _)| !support::on_path(program)) {
        println!("some programs that the lab needs are missing");
        println!("{}", packages::install());
    }
    if let Some(missing) = support::missing() {
        println!("The lab cannot run here. Missing: {missing}");
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
            println!("\nThe lab broke off: {error}");
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
            _ = tokio::signal::ctrl_c() => {
                println!("\nstopping; processes and namespaces go with this program");
                Ok(if stay == Stay::Once { ExitCode::FAILURE } else { ExitCode::SUCCESS })
            }
        }
    })
}
