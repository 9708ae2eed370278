//! `private-cloud-plugin install` and `uninstall`.

use super::CliError;
use crate::install::{self, Item, Outcome, Plan};
use crate::proxy::{self, Proxy};
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Install {
    #[command(flatten)]
    what: What,
    /// The host's network proxy.
    #[arg(long, value_name = "URL", default_value = proxy::DEFAULT_URL)]
    proxy: String,
}

#[derive(Debug, Args)]
pub(super) struct What {
    /// Root of the VM's files: the mount point of an image.
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Only this part [default: both]
    #[arg(long)]
    only: Option<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The docker plugin and its service.
    Docker,
    /// The CNI plugins and a network configuration.
    Cni,
}

impl Install {
    pub(super) fn run(self, out: &mut impl Write) -> Result<(), CliError> {
        let proxy = Proxy::new(&self.proxy)?;
        let plan = self.what.plan(proxy.url());
        let program = std::env::current_exe().map_err(CliError::Program)?;
        for item in plan.items() {
            tell(out, &item, install::make(&self.what.root, &item, &program)?)?;
        }
        writeln!(out, "next:")?;
        Ok(plan.next_steps().into_iter().try_for_each(|step| writeln!(out, "  {step}"))?)
    }
}

impl What {
    /// Removes what [`Install::run`] makes. State is kept: containers that run go on using their addresses.
    pub(super) fn uninstall(self, out: &mut impl Write) -> Result<(), CliError> {
        let plan = self.plan(proxy::DEFAULT_URL);
        // The program goes last, and stays for the other part.
        let whole = self.only.is_none();
        let items = plan.items().into_iter().rev().filter(|item| whole || item.thing != install::Thing::Program);
        for item in items {
            tell(out, &item, install::remove(&self.root, &item)?)?;
        }
        if plan.docker {
            writeln!(
                out,
                "next:\n  systemctl stop private-cloud-plugin && systemctl daemon-reload\n  docker context use default"
            )?;
        }
        Ok(())
    }

    fn plan(&self, proxy: &str) -> Plan {
        let wanted = |part| self.only.is_none_or(|only| only == part);
        Plan { proxy: proxy.to_owned(), docker: wanted(Part::Docker), cni: wanted(Part::Cni) }
    }
}

fn tell(out: &mut impl Write, item: &Item, outcome: Outcome) -> Result<(), CliError> {
    let word = match outcome {
        Outcome::Made => "made",
        Outcome::Replaced => "replaced",
        Outcome::Kept => "unchanged",
        Outcome::Removed => "removed",
        Outcome::Absent => "not there",
    };
    Ok(writeln!(out, "{word} {}", item.path.display())?)
}
