//! `private-cloud-plugin hns endpoint`.

use super::{HnsError, label};
use crate::firewall::{self, Era, Isolation, Place, Rule, from_acl};
use crate::hns::json;
use crate::hns::network::Dns;
use crate::hns::options::NetworkOptions;
use crate::hns::policy::AclSettings;
use crate::hns::spec::{EndpointSpec, SubnetSpec};
use crate::network::{Kind, PublishedPort, Transport};
use clap::Args;
use policy::net::{MacAddr, Prefix};
use std::net::IpAddr;
use uuid::Uuid;

#[derive(Debug, Args)]
pub(super) struct EndpointArguments {
    /// Driver of the network: nat, transparent, overlay, l2bridge or l2tunnel.
    #[arg(short, long)]
    driver: Kind,
    /// Id of the network in HNS.
    #[arg(long, value_name = "GUID")]
    network: Uuid,
    /// Subnet that the endpoint is in.
    #[arg(long, value_name = "PREFIX")]
    subnet: Option<Prefix>,
    /// Gateway of the subnet.
    #[arg(long, value_name = "ADDRESS", requires = "subnet")]
    gateway: Option<IpAddr>,
    /// Address; HNS chooses one if none is given.
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<IpAddr>,
    /// MAC; HNS chooses one if none is given.
    #[arg(long, value_name = "MAC")]
    mac: Option<MacAddr>,
    /// Port of the host that leads to the container; may be given several times.
    #[arg(short, long = "publish", value_name = "HOST:CONTAINER[/udp]", value_parser = port)]
    ports: Vec<PublishedPort>,
    /// Option of the network; may be given several times.
    #[arg(short = 'o', long = "opt", value_name = "LABEL=VALUE", value_parser = label)]
    options: Vec<(String, String)>,
    /// Firewall rule as the settings of an ACL policy; may be given several times.
    #[arg(long = "acl", value_name = "JSON", value_parser = acl)]
    rules: Vec<(Option<Place>, Rule)>,
    /// Write the default rules, too, instead of leaving them to HNS.
    #[arg(long)]
    defaults: bool,
    /// The container has Hyper-V isolation.
    #[arg(long)]
    hyper_v: bool,
    /// Show what docker sends to versions of Windows before Server 2019.
    #[arg(long)]
    pub(super) v1: bool,
    /// Make the Host Network Service of this host hold the endpoint.
    #[cfg(windows)]
    #[arg(long, conflicts_with = "v1")]
    pub(super) apply: bool,
    /// The endpoint's name.
    name: String,
}

impl EndpointArguments {
    pub(super) fn spec(self) -> Result<EndpointSpec, HnsError> {
        let kind = self.driver;
        let rules = self.rules.into_iter().map(|(place, rule)| (place.unwrap_or(firewall::usual_place(kind)), rule));
        Ok(EndpointSpec {
            name: self.name,
            kind,
            network: self.network,
            subnet: self.subnet.map(|prefix| SubnetSpec { prefix, gateway: self.gateway }),
            address: self.ip,
            mac: self.mac,
            dns: Dns::default(),
            options: NetworkOptions::parse(&self.options.into_iter().collect())?,
            ports: self.ports,
            isolation: if self.hyper_v { Isolation::HyperV } else { Isolation::Process },
            rules: rules.collect(),
            defaults: self.defaults.then_some(Era::Current),
            provider_address: None,
        })
    }
}

fn port(text: &str) -> Result<PublishedPort, String> {
    let (ports, protocol) = match text.rsplit_once('/') {
        None | Some((_, "tcp")) => (text.trim_end_matches("/tcp"), Transport::Tcp),
        Some((ports, "udp")) => (ports, Transport::Udp),
        Some((_, other)) => return Err(format!("'{other}' has no ports; write tcp or udp")),
    };
    let numbers = ports.split_once(':').and_then(|(host, container)| {
        Some((host.parse().ok().filter(|port| *port > 0)?, container.parse().ok().filter(|port| *port > 0)?))
    });
    let (external, internal) = numbers.ok_or("write it as HOST:CONTAINER, two numbers from 1 to 65535")?;
    Ok(PublishedPort { protocol, external, internal })
}

fn acl(text: &str) -> Result<(Option<Place>, Rule), String> {
    let settings: AclSettings = json::read(text).map_err(|error| error.to_string())?;
    from_acl(&settings).map_err(|error| error.to_string())
}
