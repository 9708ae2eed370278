//! `southbound-agent port …`.

use crate::cli::{AgentAddress, CliError, Client};
use clap::{Args, Subcommand};
use policy::ids::{NicId, VmId};
use policy::net::MacAddr;
use policy::report::{AttachPort, PortResult, PortStatus};
use reqwest::Method;
use std::io::Write;

#[derive(Debug, Subcommand)]
pub(super) enum PortCommand {
    /// Make a network device the port of a VM.
    Attach(Attach),
    /// End an attachment.
    Detach(Detach),
    /// List the attached ports.
    List(AgentAddress),
}

#[derive(Debug, Args)]
pub(super) struct Attach {
    /// Network device on this host: a tap, or one end of a veth pair.
    #[arg(long)]
    device: String,
    /// instanceId of the network interface.
    #[arg(long, value_name = "GUID")]
    profile_id: NicId,
    /// MAC address of the VM.
    #[arg(long)]
    mac: MacAddr,
    /// Id of the VM, so that it is known which ports are of one VM.
    #[arg(long, value_name = "GUID")]
    vm: Option<VmId>,
    #[command(flatten)]
    agent: AgentAddress,
}

#[derive(Debug, Args)]
pub(super) struct Detach {
    /// instanceId of the network interface.
    #[arg(long, value_name = "GUID")]
    profile_id: NicId,
    /// Only if it is attached to this device.
    #[arg(long)]
    device: Option<String>,
    #[command(flatten)]
    agent: AgentAddress,
}

impl PortCommand {
    pub(super) async fn run(self, out: &mut impl Write) -> Result<(), CliError> {
        match self {
            Self::Attach(Attach { device, profile_id, mac, vm, agent }) => {
                let request = AttachPort { device, profile_id, mac, vm };
                let port: PortStatus = Client::new(agent)?.call(Method::POST, "/v1/ports", Some(&request)).await?;
                writeln!(out, "attached {}", line(&port))?;
            }
            Self::Detach(Detach { profile_id, device, agent }) => {
                let device = device.map(|device| format!("?device={device}")).unwrap_or_default();
                let path = format!("/v1/ports/{profile_id}{device}");
                let port: PortStatus = Client::new(agent)?.call(Method::DELETE, &path, None::<&()>).await?;
                writeln!(out, "detached {} {}", port.profile_id, port.device)?;
            }
            Self::List(agent) => {
                let ports: Vec<PortStatus> = Client::new(agent)?.get("/v1/ports").await?;
                for port in &ports {
                    writeln!(out, "{}", line(port))?;
                }
            }
        }
        Ok(())
    }
}

fn line(port: &PortStatus) -> String {
    let PortStatus { profile_id, attach_id: _, device, mac, result } = port;
    let result = match result {
        PortResult::Success => "Success".to_owned(),
        PortResult::PortBlocked => "PortBlocked".to_owned(),
        PortResult::PolicyConfigurationFailureOnVfp { message } => {
            format!("PolicyConfigurationFailureOnVfp: {message}")
        }
    };
    format!("{profile_id} {device} {mac} {result}")
}
