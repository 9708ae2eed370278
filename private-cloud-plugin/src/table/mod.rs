//! The data plane: one nft table of family `netdev`, rendered whole from what is recorded and what is there.
//!
//! Frames never meet the VM's own IP stack: an ingress chain at the uplink hands each frame for a container to that
//! container's device, an ingress chain at each container's device decides where its frames go. So nothing depends on
//! forwarding, bridges or the packet filter of the VM, and no address of the VM moves.
//!
//! Chains accept by policy and drop by their last rule. While a table is replaced, the kernel runs old and new chains one
//! after the other with the rules of only one of them; a chain without rules must let frames pass to the other.

mod l2;
#[cfg(test)]
mod tests;

use crate::kernel::Observed;
use crate::network::Kind;
use crate::state::State;
use ipnet::Ipv4Net;
use policy::net::MacAddr;
use std::fmt::Display;
use std::net::Ipv4Addr;

/// Name of the table.
pub const NAME: &str = "private_cloud";

/// What is rendered: devices of the VM that lead to the fabric, and the container devices behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// In the order of their names.
    pub uplinks: Vec<Uplink>,
}

/// A device of the VM that leads to the fabric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uplink {
    /// Its name.
    pub device: String,
    /// The VM's MAC.
    pub mac: MacAddr,
    /// The VM's own addresses on it.
    pub addresses: Vec<Ipv4Net>,
    /// Containers, in the order of their addresses.
    pub ports: Vec<Port>,
}

/// The VM's end of a container's device pair, and what is behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub device: String,
    /// How the container is connected.
    pub kind: Kind,
    /// The container's address.
    pub address: Ipv4Addr,
    /// The container's subnet.
    pub subnet: Ipv4Net,
    /// The container's MAC.
    pub mac: MacAddr,
    /// The router's MAC, if frames are to be addressed to it.
    pub gateway_mac: Option<MacAddr>,
}

impl Picture {
    /// What of `state` can be rendered: endpoints whose devices are there.
    pub fn new(state: &State, observed: &Observed) -> Self {
        let mut picture = Self::default();
        for (name, device) in &observed.devices {
            let ours = state.endpoints.iter().filter_map(|(id, endpoint)| {
                let network = state.networks.get(&endpoint.network).filter(|network| network.uplink == *name)?;
                let port = id.host_device();
                (endpoint.attached && observed.devices.contains_key(&port)).then_some(Port {
                    device: port,
                    kind: network.kind,
                    address: endpoint.address,
                    subnet: network.subnet,
                    mac: endpoint.mac,
                    gateway_mac: network.gateway_mac,
                })
            });
            let mut ports: Vec<Port> = ours.collect();
            ports.sort_by_key(|port| port.address);
            if !ports.is_empty() {
                let uplink =
                    Uplink { device: name.clone(), mac: device.mac, addresses: device.addresses.clone(), ports };
                picture.uplinks.push(uplink);
            }
        }
        picture
    }
}

/// The script that makes the table what `picture` shows, in one transaction, whatever it was before.
pub fn render(picture: &Picture) -> String {
    // Naming the table first makes deleting it work when it is not there.
    let mut script = format!("table netdev {NAME} {{}}\ndelete table netdev {NAME}\n");
    if picture.uplinks.is_empty() {
        return script;
    }
    script += &format!("table netdev {NAME} {{\n");
    for (number, uplink) in picture.uplinks.iter().enumerate() {
        l2::render(&mut script, number, uplink);
    }
    script += "}\n";
    script
}

/// A map with its elements; nothing when there are none, since nft has no literal for that.
fn map<K: Display, V: Display>(script: &mut String, name: &str, types: &str, elements: &[(K, V)]) {
    *script += &format!("\tmap {name} {{\n\t\ttype {types}\n");
    if !elements.is_empty() {
        let pairs: Vec<String> = elements.iter().map(|(key, value)| format!("\t\t\t{key} : {value}")).collect();
        *script += &format!("\t\telements = {{\n{}\n\t\t}}\n", pairs.join(",\n"));
    }
    *script += "\t}\n";
}

/// A chain: its head line, if it is called by the kernel, and its rules.
fn chain(script: &mut String, name: &str, device: Option<&str>, rules: &[String]) {
    *script += &format!("\tchain {name} {{\n");
    if let Some(device) = device {
        *script += &format!("\t\ttype filter hook ingress device \"{device}\" priority 0; policy accept;\n");
    }
    for rule in rules {
        *script += &format!("\t\t{rule}\n");
    }
    *script += "\t}\n";
}
