//! Why a call of docker fails. Docker shows these texts to whoever typed the command.

use crate::book::BookError;
use crate::network::Kind;
use crate::proxy::ProxyError;
use crate::vm::VmError;
use ipnet::Ipv4Net;
use std::net::Ipv4Addr;
use std::sync::Arc;

#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error("docker's request {call} cannot be understood")]
    Request { call: String, source: serde_json::Error },
    #[error("the reply cannot be written")]
    Reply(#[source] serde_json::Error),
    #[error("the work was broken off; try again")]
    Aborted,
    #[error(transparent)]
    Vm(#[from] VmError),
    #[error(transparent)]
    Book(#[from] BookError),
    #[error("{}", crate::cli::whole(&**.0))]
    Proxy(Arc<ProxyError>),
    #[error("IPv6 is not supported on tenant networks; create the network without --ipv6")]
    Ipv6,
    #[error(
        "the subnet is missing; say --subnet={} (docker accepts a subnet that the VM itself is in only if it is named)",
        .0.iter().map(Ipv4Net::to_string).collect::<Vec<_>>().join(" or --subnet=")
    )]
    SubnetMissing(Vec<Ipv4Net>),
    #[error(
        "--internal is not supported: what a tenant network reaches is decided by the controller's access control lists"
    )]
    Internal,
    #[error("--ip-range is not supported: which addresses containers get is decided by the controller")]
    Range,
    #[error(
        "the option '{0}' is not known; an {1} network knows com.docker.network.windowsshim.interface and \
         com.docker.network.driver.mtu"
    )]
    Option(String, Kind),
    #[error("the option {0}='{1}' has no usable value; {2}")]
    OptionValue(&'static str, String, &'static str),
    #[error("'{0}' is no --ipam-opt of this driver; it has none")]
    IpamOption(String),
    #[error("'{0}' is no pool of this driver; the network was created by another one")]
    Pool(String),
    #[error("'{0}' is no IPv4 subnet; it looks like 192.168.1.0/24")]
    Subnet(String),
    #[error("'{text}' is no IPv4 address")]
    Address { text: String },
    #[error("subnet {0} has no gateway at the controller, and docker networks need one")]
    NoGateway(Ipv4Net),
    #[error("gateway {asked} is wrong: the gateway of {subnet} is {right}; say --gateway={right} or leave it out")]
    Gateway { asked: Ipv4Addr, subnet: Ipv4Net, right: Ipv4Addr },
    #[error(
        "static address {0} refused: addresses on this network are given by the controller, so --ip, --aux-address and \
         fixed addresses cannot be had; leave it out"
    )]
    Static(Ipv4Addr),
    #[error(
        "docker chose the addresses of this network itself, but on an {0} network the controller does; add \
         --ipam-driver={0}, or use docker through this plugin's socket (docker context, DOCKER_HOST)"
    )]
    ForeignAddresses(Kind),
    #[error("--publish {0} is not supported on a nat network: {1}")]
    Publish(String, &'static str),
    #[error("an {0} network has one subnet, and docker asks for {1}; create a network for each")]
    Subnets(Kind, usize),
}
