//! `southbound-agent trace`, `flows` and `rules`.

use crate::cli::{AgentAddress, CliError, Client};
use crate::report::{Flow, Trace, TraceProtocol, TraceRequest, TraceStep};
use clap::{Args, ValueEnum};
use policy::acl::Direction;
use policy::ids::NicId;
use reqwest::Method;
use std::io::Write;
use std::net::IpAddr;
use std::process::ExitCode;

/// Exit code of a trace that ends in a drop.
const DROPPED: u8 = 3;

#[derive(Debug, Args)]
pub(super) struct TraceArguments {
    /// instanceId of the network interface.
    #[arg(long, value_name = "GUID")]
    port: NicId,
    /// Transport protocol.
    #[arg(long, value_enum)]
    proto: Proto,
    /// Source address.
    #[arg(long, value_name = "ADDRESS")]
    src: IpAddr,
    /// Destination address.
    #[arg(long, value_name = "ADDRESS")]
    dst: IpAddr,
    /// Source port, for TCP and UDP.
    #[arg(long, value_name = "PORT", default_value_t = 49152)]
    sport: u16,
    /// Destination port, for TCP and UDP.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    dport: u16,
    /// From the VM, or towards it.
    #[arg(long, value_enum)]
    direction: InOrOut,
    #[command(flatten)]
    agent: AgentAddress,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Proto {
    Tcp,
    Udp,
    #[value(alias = "icmpv4")]
    Icmp,
    #[value(name = "icmpv6")]
    IcmpV6,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum InOrOut {
    In,
    Out,
}

impl TraceArguments {
    pub(super) async fn run(self, out: &mut impl Write) -> Result<ExitCode, CliError> {
        let Self { port, proto, src, dst, sport, dport, direction, agent } = self;
        let request = TraceRequest {
            port,
            direction: match direction {
                InOrOut::In => Direction::Inbound,
                InOrOut::Out => Direction::Outbound,
            },
            protocol: match proto {
                Proto::Tcp => TraceProtocol::Tcp,
                Proto::Udp => TraceProtocol::Udp,
                Proto::Icmp => TraceProtocol::Icmp,
                Proto::IcmpV6 => TraceProtocol::IcmpV6,
            },
            source: src,
            destination: dst,
            source_port: sport,
            destination_port: dport,
        };
        let trace: Trace = Client::new(agent)?.call(Method::POST, "/v1/trace", Some(&request)).await?;
        for TraceStep { port, direction, stage, finding } in &trace.steps {
            writeln!(out, "{port} {direction:<3} {stage:<13} {finding}")?;
        }
        writeln!(out, "{}", trace.outcome)?;
        Ok(if trace.passes { ExitCode::SUCCESS } else { ExitCode::from(DROPPED) })
    }
}

#[derive(Debug, Args)]
pub(super) struct OnePort {
    /// instanceId of the network interface.
    #[arg(long, value_name = "GUID")]
    port: NicId,
    #[command(flatten)]
    agent: AgentAddress,
}

impl OnePort {
    pub(super) async fn flows(self, out: &mut impl Write) -> Result<(), CliError> {
        let flows: Vec<Flow> = Client::new(self.agent)?.get(&format!("/v1/ports/{}/flows", self.port)).await?;
        flows.iter().try_for_each(|flow| Ok(writeln!(out, "{}", flow.text)?))
    }

    pub(super) async fn rules(self, out: &mut impl Write) -> Result<(), CliError> {
        let rules: Vec<String> = Client::new(self.agent)?.get(&format!("/v1/ports/{}/rules", self.port)).await?;
        rules.iter().try_for_each(|rule| Ok(writeln!(out, "{rule}")?))
    }
}
