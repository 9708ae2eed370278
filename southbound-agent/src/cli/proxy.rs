//! `southbound-agent proxy …`: the counterpart of `ConfigureMCNP.ps1` (`network-proxy.md` 2).

use crate::agent::proxy::ProxyStatus;
use crate::cli::{AgentAddress, CliError, Client};
use crate::proxy::registry;
use crate::proxy::routes::{Route, Routes};
use crate::proxy::settings::{ProxySettings, Site};
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::value::RawValue;
use std::io::Write;

#[derive(Debug, Subcommand)]
pub(super) enum ProxyCommand {
    /// Let VMs ask for the addresses of their network interfaces, now and after a restart.
    Enable(Enable),
    /// Answer no VM any more.
    Disable(AgentAddress),
    /// Show whether it is on, where documents are found, and what each port's VM asked for.
    Status(Status),
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
pub(super) struct Status {
    /// As JSON: what the agent answers to `GET /v1/proxy`, on one line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    agent: AgentAddress,
}

#[derive(Debug, Args)]
pub(super) struct Enable {
    /// Where a document is found: list=/PATH for containers' addresses, xml=/PATH or json=/PATH for the interface. Can be
    /// given several times; without it, the routes stay as they are, at first those that existing clients ask for.
    #[arg(long = "route", value_name = "DOCUMENT=/PATH")]
    routes: Vec<Route>,
    /// Show in documents about interfaces all of a VM, as far as `port attach` said which ports are of one VM; without it,
    /// this stays as it is.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOLEAN")]
    all_interfaces: Option<bool>,
    #[command(flatten)]
    agent: AgentAddress,
}

impl ProxyCommand {
    pub(super) async fn run(self, out: &mut impl Write) -> Result<(), CliError> {
        const PATH: &str = "/v1/proxy";
        let status: ProxyStatus = match self {
            Self::Enable(Enable { routes, all_interfaces, agent }) => {
                let client = Client::new(agent)?;
                let now: ProxyStatus = client.get(PATH).await?;
                let routes = if routes.is_empty() { now.routes } else { Routes::from(routes) };
                let all_interfaces = all_interfaces.unwrap_or(now.all_interfaces);
                client.call(Method::PUT, PATH, Some(&ProxySettings { enabled: true, routes, all_interfaces })).await?
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
            Self::Status(Status { json: false, agent }) => return show(&Client::new(agent)?.get(PATH).await?, out),
            Self::Status(Status { json: true, agent }) => {
                // As it came, so that nothing which a newer agent says is lost.
                let answer: Box<RawValue> = Client::new(agent)?.get(PATH).await?;
                writeln!(out, "{answer}")?;
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

#[cfg(test)]
mod tests {
    use crate::api::tests::running::{Running, mac};
    use crate::cli::Cli;
    use crate::cli::Command::Proxy;
    use clap::Parser;
    use serde_json::{Value, json};

    async fn written(agent: &Running, arguments: &[&str]) -> String {
        let arguments = [&["southbound-agent", "proxy"], arguments, &["--agent", &agent.url]].concat();
        let Proxy(command) = Cli::try_parse_from(arguments).unwrap().command else { panic!("no command of the proxy") };
        let mut out = Vec::new();
        command.run(&mut out).await.unwrap();
        String::from_utf8(out).unwrap()
    }

    #[tokio::test]
    async fn settings_stay_until_they_are_said_anew_and_are_shown_as_the_agent_answers() {
        let folder = tempfile::tempdir().unwrap();
        let agent = Running::start(folder.path()).await;
        agent.attach(mac()).await;
        written(&agent, &["enable", "--route", "list=/mine"]).await;

        let text = written(&agent, &["status", "--json"]).await;
        assert_eq!(text.lines().count(), 1, "{text}");
        let status: Value = text.parse().unwrap();
        assert_eq!(status, agent.get("/v1/proxy").await);
        assert_eq!(status["routes"], json!(["list=/mine"]));
        written(&agent, &["disable"]).await;
        written(&agent, &["enable", "--all-interfaces"]).await;
        written(&agent, &["enable"]).await;
        let kept = agent.get("/v1/proxy").await;
        assert_eq!((&kept["routes"], &kept["allInterfaces"]), (&json!(["list=/mine"]), &json!(true)));
        written(&agent, &["enable", "--all-interfaces=false"]).await;
        assert_eq!(agent.get("/v1/proxy").await["allInterfaces"], json!(false));
        let told = written(&agent, &["status"]).await;
        assert!(told.starts_with("the network proxy is on at 169.254.169.254:6642\nroute list=/mine\n"), "{told}");
        agent.stop().await;
    }
}
