//! `private-cloud-plugin hns`: networks and endpoints in docker's words, put into those of HNS, and on Windows into HNS
//! itself.

mod endpoint;

use super::options::{NetworkOptions, OptionError};
use super::spec::{Invalid, NetworkSpec, SubnetSpec};
use super::{render, v1};
#[cfg(windows)]
use crate::hcn::{
    reconcile::{Done, Reconciler},
    windows::ComputeNetwork,
};
use crate::network::Kind;
use clap::{Args, Subcommand};
use endpoint::EndpointArguments;
use policy::net::Prefix;
use serde::Serialize;
use std::io::{self, Write};
use std::net::IpAddr;

/// The verb's own verbs.
#[derive(Debug, Args)]
pub struct Hns {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show the document of a network, named and described as for `docker network create`.
    Network(NetworkArguments),
    /// Show the document of an endpoint, described as for `docker run`.
    Endpoint(EndpointArguments),
}

#[derive(Debug, Args)]
struct NetworkArguments {
    /// Driver: nat, transparent, overlay, l2bridge or l2tunnel.
    #[arg(short, long)]
    driver: Kind,
    /// Subnet; may be given several times.
    #[arg(long = "subnet", value_name = "PREFIX")]
    subnets: Vec<Prefix>,
    /// Gateway of a subnet; may be given several times.
    #[arg(long = "gateway", value_name = "ADDRESS")]
    gateways: Vec<IpAddr>,
    /// Option of docker on Windows, such as com.docker.network.windowsshim.vlanid=120; may be given several times.
    #[arg(short = 'o', long = "opt", value_name = "LABEL=VALUE", value_parser = label)]
    options: Vec<(String, String)>,
    /// Show what docker sends to versions of Windows before Server 2019.
    #[arg(long)]
    v1: bool,
    /// Make the Host Network Service of this host hold the network.
    #[cfg(windows)]
    #[arg(long, conflicts_with = "v1")]
    apply: bool,
    /// The network's name.
    name: String,
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum HnsError {
    /// A label.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// What does not go together.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// A gateway without a subnet.
    #[error("gateway {0} is in none of the subnets that are given")]
    Gateway(IpAddr),
    /// Output.
    #[error("cannot write the answer")]
    Output(#[from] io::Error),
    /// The service.
    #[cfg(windows)]
    #[error(transparent)]
    Load(#[from] crate::hcn::windows::LoadError),
    /// The service.
    #[cfg(windows)]
    #[error(transparent)]
    Apply(#[from] crate::hcn::reconcile::ApplyError),
}

impl Hns {
    /// Carries out the command.
    ///
    /// # Errors
    /// The network cannot be, or the answer cannot be written.
    pub fn run(self, out: &mut impl Write) -> Result<(), HnsError> {
        match self.what {
            #[cfg(windows)]
            What::Network(network) if network.apply => {
                tell(out, service()?.network(&render::network(&network.spec()?)?)?)
            }
            #[cfg(windows)]
            What::Endpoint(one) if one.apply => tell(out, service()?.endpoint(&render::endpoint(&one.spec()?)?)?),
            What::Network(network) if network.v1 => show(out, &v1::network(&network.spec()?)?),
            What::Network(network) => show(out, &render::network(&network.spec()?)?),
            What::Endpoint(endpoint) if endpoint.v1 => show(out, &v1::endpoint(&endpoint.spec()?)?),
            What::Endpoint(endpoint) => show(out, &render::endpoint(&endpoint.spec()?)?),
        }
    }
}

#[cfg(windows)]
fn service() -> Result<Reconciler<ComputeNetwork>, HnsError> {
    Ok(Reconciler(ComputeNetwork::load()?))
}

#[cfg(windows)]
fn tell(out: &mut impl Write, (id, done): (uuid::Uuid, Done)) -> Result<(), HnsError> {
    Ok(writeln!(out, "{id} {done:?}")?)
}

impl NetworkArguments {
    fn spec(&self) -> Result<NetworkSpec, HnsError> {
        let inside = |gateway: &IpAddr| self.subnets.iter().any(|subnet| subnet.contains(*gateway));
        if let Some(lost) = self.gateways.iter().find(|gateway| !inside(gateway)) {
            return Err(HnsError::Gateway(*lost));
        }
        let subnets = self.subnets.iter().map(|&prefix| {
            let gateway = self.gateways.iter().copied().find(|gateway| prefix.contains(*gateway));
            SubnetSpec { prefix, gateway }
        });
        Ok(NetworkSpec {
            name: self.name.clone(),
            kind: self.driver,
            subnets: subnets.collect(),
            options: NetworkOptions::parse(&self.options.iter().cloned().collect())?,
            remote_subnets: Vec::new(),
        })
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    let (label, value) = text.split_once('=').ok_or("write it as label=value")?;
    Ok((label.to_owned(), value.to_owned()))
}

fn show(out: &mut impl Write, document: &impl Serialize) -> Result<(), HnsError> {
    serde_json::to_writer_pretty(&mut *out, document).map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        hns: Hns,
    }

    fn run(line: &str) -> Result<String, String> {
        let line = Line::try_parse_from(line.split_whitespace()).map_err(|error| error.to_string())?;
        let mut out = Vec::new();
        line.hns.run(&mut out).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn dockers_words_become_a_document_of_either_version() {
        let words = "-d l2bridge --subnet=192.168.1.0/24 --gateway=192.168.1.1 -o com.docker.network.windowsshim.vlanid=120 blue";
        let second = run(&format!("hns network {words}")).unwrap();
        assert!(second.contains("\"Type\": \"L2Bridge\"") && second.contains("\"IsolationId\": 120"), "{second}");
        let first = run(&format!("hns network --v1 {words}")).unwrap();
        assert!(first.contains("\"GatewayAddress\": \"192.168.1.1\"") && first.contains("\"VLAN\": 120"), "{first}");
    }

    #[test]
    fn an_endpoint_has_its_ports_and_rules() {
        let words = "-d nat --network=11111111-2222-4333-8444-555555555555 --subnet=172.20.0.0/24 --gateway=172.20.0.1
            --ip=172.20.0.5 -p 8080:80 -p 5353:53/udp web";
        let rule = r#"--acl={"Action":"Block","Direction":"In","Protocols":"6"}"#;
        let document = run(&format!("hns endpoint {rule} {words}")).unwrap();
        for part in ["\"ExternalPort\": 5353", "\"Protocol\": 17", "\"RuleType\": \"Host\"", "172.20.0.5"] {
            assert!(document.contains(part), "{part}: {document}");
        }
        let first = run(&format!("hns endpoint --v1 {words}")).unwrap();
        assert!(first.contains("\"EnableInternalDNS\": true"), "{first}");
        let refusal = run(&format!("hns endpoint --v1 {rule} {words}")).unwrap_err();
        assert!(refusal.contains("use version 2"), "{refusal}");
    }

    #[test]
    fn what_cannot_be_is_told() {
        for (words, part) in [
            ("-d bridge blue", "there are nat, transparent"),
            ("-d nat --subnet=10.0.0.0/24 --gateway=10.0.1.1 blue", "gateway 10.0.1.1 is in none"),
            (
                "-d nat --subnet=10.0.0.0/24 -o com.docker.network.windowsshim.vlanid=1 blue",
                "vlanid is not supported on nat",
            ),
            ("-d nat -o vlanid blue", "label=value"),
        ] {
            let error = run(&format!("hns network {words}")).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        let nowhere = "--network=11111111-2222-4333-8444-555555555555 web";
        let acl = r#"--acl={"Action":"Block","Direction":"In","RuleType":"Switch"}"#;
        for (words, part) in [
            ("-d nat -p 8080", "HOST:CONTAINER"),
            ("-d nat -p 8080:80/sctp", "'sctp' has no ports"),
            ("-d transparent -p 8080:80", "own address"),
            (&format!("-d nat {acl}"), "RuleType Switch is not enforced on a nat network"),
            ("-d nat --acl={}", "missing field"),
        ] {
            let error = run(&format!("hns endpoint {words} {nowhere}")).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
