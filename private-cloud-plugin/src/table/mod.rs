//! The data plane: one nft table of family `netdev`, rendered whole from what is recorded and what is there, and beside it
//! one of family `ip` while there are networks that the VM routes for.
//!
//! Frames of the other kinds never meet the VM's own IP stack: an ingress chain at the uplink hands each frame for a
//! container to that container's device, an ingress chain at each container's device decides where its frames go. So
//! nothing depends on forwarding, bridges or the packet filter of the VM, and no address of the VM moves.
//!
//! Chains accept by policy and drop by their last rule. While a table is replaced, the kernel runs old and new chains one
//! after the other with the rules of only one of them; a chain without rules must let frames pass to the other.

mod l2;
mod routed;
#[cfg(test)]
mod tests;
mod transparent;

pub use routed::Routed;

use crate::kernel::Observed;
use crate::network::overlay::vxlan_device;
use crate::network::{Endpoint, Kind, Network, NetworkId, PublishedPort};
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
    /// Networks that the VM routes for, in the order of their subnets.
    pub routed: Vec<Routed>,
    /// Devices of containers whose uplink is gone, by name. Without a chain of theirs, what such a container sends would
    /// meet the VM's own IP stack.
    pub stranded: Vec<String>,
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
    /// Its own MAC.
    pub device_mac: MacAddr,
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
    /// Ports of the VM that lead to the container.
    pub published: Vec<PublishedPort>,
}

impl Picture {
    /// What of `state` can be rendered: endpoints whose devices are there.
    pub fn new(state: &State, observed: &Observed) -> Self {
        let ports_of = |wanted: &dyn Fn(&NetworkId, &Network) -> bool| {
            let ours = state.endpoints.iter().filter_map(|(id, endpoint)| {
                let network = state.networks.get(&endpoint.network);
                let network = network.filter(|network| wanted(&endpoint.network, network))?;
                let device = id.host_device();
                let device_mac = observed.devices.get(&device).filter(|_| endpoint.attached)?.mac;
                Some(Port::new(device, device_mac, network, endpoint))
            });
            let mut ports: Vec<Port> = ours.collect();
            ports.sort_by_key(|port| port.address);
            ports
        };
        let mut picture = Self::default();
        for (name, device) in &observed.devices {
            let ports = ports_of(&|_, network| network.uplink == *name && !network.kind.routed_by_the_vm());
            if !ports.is_empty() {
                let uplink =
                    Uplink { device: name.clone(), mac: device.mac, addresses: device.addresses.clone(), ports };
                picture.uplinks.push(uplink);
            }
        }
        for (id, network) in state.networks.iter().filter(|(_, network)| network.kind.routed_by_the_vm()) {
            let ports = ports_of(&|other, _| other == id);
            let Network { subnet, gateway, overlay, .. } = network.clone();
            let device = overlay.as_ref().map(|overlay| vxlan_device(overlay.vsid));
            let connected = device.is_some_and(|device| observed.devices.contains_key(&device));
            // A VXLAN device without containers must not become a way into the VM.
            if connected || !ports.is_empty() {
                picture.routed.push(Routed { subnet, gateway, overlay, connected, ports });
            }
        }
        picture.routed.sort_by_key(|network| network.subnet);
        let lost =
            |network: &Network| !network.kind.routed_by_the_vm() && !observed.devices.contains_key(&network.uplink);
        picture.stranded = ports_of(&|_, network| lost(network)).into_iter().map(|port| port.device).collect();
        picture
    }
}

impl Port {
    fn new(device: String, device_mac: MacAddr, network: &Network, endpoint: &Endpoint) -> Self {
        Self {
            device,
            device_mac,
            kind: network.kind,
            address: endpoint.address,
            subnet: network.subnet,
            mac: endpoint.mac,
            gateway_mac: network.gateway_mac,
            published: endpoint.published.clone(),
        }
    }
}

/// The script that makes the tables what `picture` shows, in one transaction, whatever they were before.
pub fn render(picture: &Picture) -> String {
    // Naming a table first makes deleting it work when it is not there.
    let mut script =
        ["netdev", "ip"].map(|family| format!("table {family} {NAME} {{}}\ndelete table {family} {NAME}\n")).concat();
    if picture.uplinks.is_empty() && picture.routed.is_empty() && picture.stranded.is_empty() {
        return script;
    }
    script += &format!("table netdev {NAME} {{\n");
    for (number, uplink) in picture.uplinks.iter().enumerate() {
        l2::render(&mut script, number, uplink);
        transparent::render(&mut script, number, uplink);
    }
    for (number, network) in picture.routed.iter().enumerate() {
        routed::bridge(&mut script, number, network);
    }
    for device in &picture.stranded {
        chain(&mut script, &device.replace('-', "_"), Some(device), &["drop".to_owned()]);
    }
    script += "}\n";
    if !picture.routed.is_empty() {
        routed::forwarding(&mut script, &picture.routed);
    }
    script
}

/// Whether every chain of `script` that the kernel calls is in `listing`, what nft says is loaded.
pub fn is_in_force(script: &str, listing: &str) -> bool {
    let hooks = script.lines().filter_map(|line| line.split_once(HOOK)?.1.split_once('"'));
    let missing = |(device, _): (&str, &str)| !listing.contains(&format!("\"{device}\" priority"));
    !hooks.into_iter().any(missing)
}

/// What every chain that the kernel calls begins with, up to the name of the device.
const HOOK: &str = "type filter hook ingress device \"";

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
        *script += &format!("\t\t{HOOK}{device}\" priority 0; policy accept;\n");
    }
    for rule in rules {
        *script += &format!("\t\t{rule}\n");
    }
    *script += "\t}\n";
}

/// A container speaks with its own address and MAC only, IPv4 and ARP only. `rules` come before.
fn from_a_container(script: &mut String, port: &Port, mut rules: Vec<String>, ip: &str, arp: &str) {
    let Port { address, mac, .. } = port;
    rules.extend([
        format!("ether saddr {mac} ether type ip ip saddr {address} {ip}"),
        format!("ether saddr {mac} ether type arp arp saddr ip {address} arp saddr ether {mac} {arp}"),
        "drop".to_owned(),
    ]);
    chain(script, &port.device.replace('-', "_"), Some(&port.device), &rules);
}

fn quoted(device: &str) -> String {
    format!("\"{device}\"")
}
