//! What a network configuration wishes for: the part of it that ADD, CHECK and STATUS insist on.

use super::config::{decode, parsed, wrong};
use super::failure::Failure;
use super::names::InterfaceName;
use super::outcome::{Dns, Route, null_is_empty};
use super::policies::{self, Additional};
use super::ports::{self, Mapping};
use crate::firewall::RuleSet;
use crate::network::overlay::Overlay;
use crate::network::{Kind, PublishedPort};
use ipnet::{IpNet, Ipv4Net};
use serde::Deserialize;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr};

/// A network, and what its containers get.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// `mode`: how containers are connected; [`Kind::L2Bridge`] unless it is said.
    pub mode: Kind,
    /// `master`: the device that containers reach the network by, if not the one of the default route.
    pub uplink: Option<InterfaceName>,
    /// `mtu`: MTU of the container's interface in bytes, if not the uplink's.
    pub mtu: Option<u32>,
    /// `ipam.subnet`: which prefix addresses are taken from.
    pub subnet: Option<Ipv4Net>,
    /// `ipam.gateway`: the subnet's router, if not the one that the proxy names.
    pub gateway: Option<Ipv4Addr>,
    /// `ipam.routes`, in place of a default route: where to, and by way of which router, the subnet's if it is not said.
    pub routes: Vec<(Ipv4Net, Option<Ipv4Addr>)>,
    /// `dns`, in place of what the proxy names.
    pub dns: Option<Dns>,
    /// `overlay`: what makes the network one.
    pub overlay: Option<Overlay>,
    /// `runtimeConfig.portMappings`: ports of the VM that lead to the container; only of a nat network.
    pub ports: Vec<PublishedPort>,
    /// The container's firewall: the defaults, and access lists of `AdditionalArgs`.
    pub firewall: RuleSet,
}

#[derive(Deserialize)]
struct Document {
    mode: Option<String>,
    master: Option<String>,
    mtu: Option<u64>,
    #[serde(rename = "ipMasq", default, deserialize_with = "null_is_empty")]
    masquerade: bool,
    #[serde(default, deserialize_with = "null_is_empty")]
    ipam: Ipam,
    dns: Option<Dns>,
    overlay: Option<Overlay>,
    #[serde(rename = "AdditionalArgs", alias = "additionalArgs", default, deserialize_with = "null_is_empty")]
    additional: Vec<Additional>,
    #[serde(rename = "runtimeConfig", default, deserialize_with = "null_is_empty")]
    runtime: Runtime,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Ipam {
    subnet: Option<String>,
    gateway: Option<String>,
    #[serde(deserialize_with = "null_is_empty")]
    routes: Vec<Route>,
}

/// What a runtime adds for one container, as far as we know it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Runtime {
    ips: Value,
    mac: Value,
    #[serde(rename = "portMappings", deserialize_with = "null_is_empty")]
    ports: Vec<Mapping>,
}

impl Wishes {
    /// Reads them from a network configuration; `ours` says that addresses are given by us.
    ///
    /// # Errors
    /// [`Failure::Decode`], [`Failure::Config`], [`Failure::Unsupported`].
    pub(super) fn read(input: &[u8], ours: bool) -> Result<Self, Failure> {
        let document: Document = decode(input)?;
        if ours {
            document.runtime.refuse_chosen_addresses()?;
        }
        let mode = parsed("mode", document.mode.as_deref())?.unwrap_or(Kind::L2Bridge);
        if document.masquerade && mode != Kind::Nat {
            let hint = "only mode nat hides containers behind the VM's address; leave it out".to_owned();
            return Err(Failure::Unsupported { key: "ipMasq", value: "true".to_owned(), hint });
        }
        let ports = ports::published(mode, &document.runtime.ports)?;
        let mut firewall = policies::firewall(mode, &document.additional)?;
        ports.iter().for_each(|port| firewall.publish(port.protocol.number(), port.internal));
        Ok(Self {
            mode,
            uplink: parsed("master", document.master.as_deref())?,
            mtu: document.mtu.filter(|mtu| *mtu != 0).map(bytes).transpose()?,
            subnet: parsed("ipam.subnet", document.ipam.subnet.as_deref())?.map(|subnet: Ipv4Net| subnet.trunc()),
            gateway: parsed("ipam.gateway", document.ipam.gateway.as_deref())?,
            routes: document.ipam.routes.iter().map(ipv4_route).collect::<Result<_, _>>()?,
            dns: document.dns.filter(|dns| *dns != Dns::default()),
            overlay: document.overlay,
            ports,
            firewall,
        })
    }
}

impl Runtime {
    fn refuse_chosen_addresses(&self) -> Result<(), Failure> {
        for (key, value) in [("runtimeConfig.ips", &self.ips), ("runtimeConfig.mac", &self.mac)] {
            if says_something(value) {
                let hint =
                    "addresses are given by the network controller and cannot be chosen; leave it out".to_owned();
                return Err(Failure::Unsupported { key, value: value.to_string(), hint });
            }
        }
        Ok(())
    }
}

/// An MTU that an interface which carries IPv4 can have.
fn bytes(mtu: u64) -> Result<u32, Failure> {
    match u32::try_from(mtu) {
        Ok(bytes @ 68..=65535) => Ok(bytes),
        _ => Err(wrong("mtu", format!("{mtu} bytes; an interface that carries IPv4 has 68 to 65535"))),
    }
}

/// A route as `ip` is told it.
///
/// # Errors
/// [`Failure::Config`]: not of IPv4.
pub(super) fn ipv4_route(route: &Route) -> Result<(Ipv4Net, Option<Ipv4Addr>), Failure> {
    match (route.dst, route.gw) {
        (IpNet::V4(to), None) => Ok((to.trunc(), None)),
        (IpNet::V4(to), Some(IpAddr::V4(via))) => Ok((to.trunc(), Some(via))),
        _ => Err(wrong("ipam.routes", format!("{}: only IPv4 is possible", route.dst))),
    }
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests;
