//! `southbound-agent proxy …`: the counterpart of `ConfigureMCNP.ps1` (`network-proxy.md` 2).

use crate::agent::proxy::ProxyStatus;
use crate::cli::{AgentAddress, CliError, Client};
use crate::proxy::registry;
use crate::proxy::routes::{Route, Routes};
use crate::proxy::settings::{ProxySettings, Site};
use clap::{Args, Subcommand};
use reqwest::Method;
use std::io::Write;

#[derive(Debug, Subcommand)]
pub(super) enum ProxyCommand {
    /// Let VMs ask for the addresses of their network interfaces, now and after a restart.
    Enable(Enable),
    /// Answer no VM any more.
    Disable(AgentAddress),
    /// Show whether it is on, where documents are found, and what each port's VM asked for.
    Status(AgentAddress),
    /// Write a file for `reg import` on hosts whose in-box agent is to answer instead of this one; changes nothing here.
    Registry(Registry),
}

#[derive(Debug, Args)]
pub(super) struct Registry {
    /// The file that takes the values away again.
    #[arg(long)]
    remove: bool,
}

#[derive(Debug, Args)]
pub(super) struct Enable {
    /// Where a document is found: list=/PATH for containers' addresses, xml=/PATH or json=/PATH for the interface. Can be
    /// given several times; without it, what existing clients ask for.
    #[arg(long = "route", value_name = "DOCUMENT=/PATH")]
    routes: Vec<Route>,
    /// Show in documents about interfaces all of a VM, as far as `port attach` said which ports are of one VM.
    #[arg(long)]
    all_interfaces: bool,
    #[command(flatten)]
    agent: AgentAddress,
}

impl ProxyCommand {
    pub(super) async fn run(self, out: &mut impl Write) -> Result<(), CliError> {
        const PATH: &str = "/v1/proxy";
        let status: ProxyStatus = match self {
            Self::Enable(Enable { routes, all_interfaces, agent }) => {
                let routes = if routes.is_empty() { Routes::default() } else { Routes::from(routes) };
                let settings = ProxySettings { enabled: true, routes, all_interfaces };
                Client::new(agent)?.call(Method::PUT, PATH, Some(&settings)).await?
            }
            Self::Disable(agent) => {
                let client = Client::new(agent)?;
                let ProxyStatus { routes, all_interfaces, .. } = client.get(PATH).await?;
                client.call(Method::PUT, PATH, Some(&ProxySettings { enabled: false, routes, all_interfaces })).await?
            }
            Self::Registry(Registry { remove }) => {
                let file = if remove { registry::disabling() } else { registry::enabling(Site::at(Site::LISTEN)) };
                out.write_all(file.as_bytes())?;
                return Ok(());
            }
            Self::Status(agent) => {
                let status: ProxyStatus = Client::new(agent)?.get(PATH).await?;
                show(&status, out)?;
                return Ok(());
            }
        };
        writeln!(out, "{}", headline(&status))?;
        Ok(())
    }
}

fn headline(status: &ProxyStatus) -> String {
    match status.enabled {
        true => format!("the network proxy is on at {}", status.listen),
        false => "the network proxy is off".to_owned(),
    }
}

fn show(status: &ProxyStatus, out: &mut impl Write) -> Result<(), CliError> {
    writeln!(out, "{}", headline(status))?;
    for route in status.routes.iter() {
        writeln!(out, "route {route}")?;
    }
    for port in &status.ports {
        let listed = port.listed.map_or("nothing in force".to_owned(), |listed| format!("{listed} addresses listed"));
        let counts = port.counts;
        writeln!(
            out,
            "{} {listed}, {} requests, {} bytes, {} refused, {} unknown paths, {} frames dropped",
            port.profile_id, counts.requests, counts.bytes, counts.refused, counts.unknown_paths, counts.frames_dropped
        )?;
    }
    Ok(())
}
