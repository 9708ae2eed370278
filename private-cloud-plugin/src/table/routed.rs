//! nat and overlay: the VM is the containers' router (`containers.md` section 1).
//!
//! Neighbours in a subnet are bridged, as everywhere; a neighbour of an overlay in another VM is reached through the VXLAN
//! device of the subnet. All else goes up to the VM's own IP stack, which forwards it under the rules of one table of
//! family `ip`: translation for what leaves, published ports, and no other way in.

use super::{NAME, Port, chain, map, quoted};
use crate::network::overlay::{Overlay, VXLAN_PORT, vxlan_device};
use crate::network::{DEVICE_PREFIX, Kind};
use ipnet::Ipv4Net;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::Ipv4Addr;

/// One network that the VM routes for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// Its subnet.
    pub subnet: Ipv4Net,
    /// The VM's address in it.
    pub gateway: Option<Ipv4Addr>,
    /// `None` for nat.
    pub overlay: Option<Overlay>,
    /// Whether its VXLAN device is there.
    pub connected: bool,
    /// Containers, in the order of their addresses.
    pub ports: Vec<Port>,
}

impl Routed {
    /// Which driver.
    pub fn kind(&self) -> Kind {
        if self.overlay.is_some() { Kind::Overlay } else { Kind::Nat }
    }
}

/// Adds the chains of one network's container devices to `script`. `number` tells networks apart.
pub(super) fn bridge(script: &mut String, number: usize, network: &Routed) {
    let ports = &network.ports;
    let (macs, devices) = (format!("routed_mac_{number}"), format!("routed_{number}"));
    map(script, &macs, "ipv4_addr : ether_addr", &ports.iter().map(|p| (p.address, p.mac)).collect::<Vec<_>>());
    let elements: Vec<_> = ports.iter().map(|port| (port.address, quoted(&port.device))).collect();
    map(script, &devices, "ipv4_addr : iface_index", &elements);

    let to_container = |address: &str| {
        format!("{address} @{devices} ether daddr set {address} map @{macs} fwd to {address} map @{devices}")
    };
    let mut ip = vec![to_container("ip daddr")];
    let mut arp = vec![format!("arp daddr ip @{devices} fwd to arp daddr ip map @{devices}")];
    if let Some(overlay) = network.overlay.as_ref().filter(|_| network.connected) {
        let device = vxlan_device(overlay.vsid);
        let remotes = overlay.remotes.iter().filter(|remote| remote.vsid == overlay.vsid);
        let remotes: Vec<_> = remotes.map(|remote| remote.address).collect();
        if !remotes.is_empty() {
            ip.push(format!("ip daddr {} fwd to \"{device}\"", set(&remotes)));
            arp.push(format!("arp daddr ip {} fwd to \"{device}\"", set(&remotes)));
        }
        let from_afar = [
            format!("ether type ip {}", to_container("ip daddr")),
            format!("ether type arp {}", to_container("arp daddr ip")),
            "drop".to_owned(),
        ];
        chain(script, &device.replace('-', "_"), Some(&device), &from_afar);
    }
    ip.push("accept".to_owned());
    arp.extend(network.gateway.map(|gateway| format!("arp daddr ip {gateway} accept")));
    arp.push("drop".to_owned());
    chain(script, &format!("routed_{number}_ip"), None, &ip);
    chain(script, &format!("routed_{number}_arp"), None, &arp);
    for port in ports {
        let to = |family| format!("goto routed_{number}_{family}");
        super::from_a_container(script, port, Vec::new(), &to("ip"), &to("arp"));
    }
}

/// Adds the table of family `ip` to `script`.
pub(super) fn forwarding(script: &mut String, networks: &[Routed]) {
    *script += &format!("table ip {NAME} {{\n");
    let published: Vec<(String, String)> =
        networks.iter().flat_map(|network| &network.ports).flat_map(mappings).collect();
    let mut rules = Rules::default();
    if !published.is_empty() {
        map(script, "published", "inet_proto . inet_service : ipv4_addr . inet_service", &published);
        let dnat = "dnat ip to meta l4proto . th dport map @published";
        rules.to_the_vm.push(format!("fib daddr type local {dnat}"));
        rules.from_the_vm.push(format!("fib daddr type local ip daddr != 127.0.0.0/8 {dnat}"));
    }
    for network in networks {
        match &network.overlay {
            None => rules.nat(network.subnet),
            Some(overlay) => rules.overlay(network.subnet, overlay, networks),
        }
    }
    let hosts: BTreeSet<Ipv4Addr> =
        overlays(networks).flat_map(|(_, o)| &o.remotes).map(|remote| remote.host).collect();
    if overlays(networks).next().is_some() {
        let strangers = if hosts.is_empty() { String::new() } else { format!("ip saddr != {} ", set(&hosts)) };
        rules.input.push(format!("iifname != \"lo\" udp dport {VXLAN_PORT} {strangers}drop"));
    }
    for (name, hook, rules) in [
        ("prerouting", "type nat hook prerouting priority dstnat", &rules.to_the_vm),
        ("output", "type nat hook output priority -100", &rules.from_the_vm),
        ("input", "type filter hook input priority filter", &rules.input),
        ("forward", "type filter hook forward priority filter", &rules.forward),
        ("postrouting", "type nat hook postrouting priority srcnat", &rules.leaving),
    ] {
        if !rules.is_empty() {
            let head = format!("{hook}; policy accept;");
            let lines: Vec<String> = std::iter::once(head).chain(rules.iter().cloned()).collect();
            chain(script, name, None, &lines);
        }
    }
    *script += "}\n";
}

/// Rules by the hook they are for.
#[derive(Default)]
struct Rules {
    to_the_vm: Vec<String>,
    from_the_vm: Vec<String>,
    input: Vec<String>,
    forward: Vec<String>,
    leaving: Vec<String>,
}

impl Rules {
    /// Everything out, with the VM's address; in comes what answers or is published.
    fn nat(&mut self, subnet: Ipv4Net) {
        self.forward.push(format!("ip daddr {subnet} ct state established,related accept"));
        self.forward.push(format!("ip daddr {subnet} ct status dnat accept"));
        self.forward.push(format!("ip daddr {subnet} drop"));
        self.leaving.push(format!("ip saddr {subnet} oifname != \"{DEVICE_PREFIX}*\" masquerade"));
        // A container that calls a neighbour at the VM's address: the answer has to come back through the VM.
        self.leaving.push(format!("ip saddr {subnet} ip daddr {subnet} ct status dnat masquerade"));
    }

    /// Within its domain everything; out, if at all, TCP and UDP with the VM's address; nothing else in.
    fn overlay(&mut self, subnet: Ipv4Net, overlay: &Overlay, networks: &[Routed]) {
        let subnets = overlays(networks).filter(|(_, other)| other.domain == overlay.domain);
        let subnets = subnets.map(|(subnet, _)| subnet.to_string());
        let remotes = overlay.remotes.iter().map(|remote| remote.address);
        // An interval set must not hold an address twice.
        let apart = remotes.filter(|address| !subnet.contains(address)).map(|address| address.to_string());
        let domain: BTreeSet<String> = subnets.chain(apart).collect();
        let (domain, outside) = (set(&domain), format!("oifname != \"{DEVICE_PREFIX}*\""));
        self.forward.push(format!("ip daddr {subnet} ct state established,related accept"));
        self.forward.push(format!("ip daddr {subnet} ip saddr != {domain} drop"));
        self.forward.push(format!("ip saddr {subnet} oifname \"{DEVICE_PREFIX}*\" ip daddr != {domain} drop"));
        if overlay.outbound_nat {
            self.forward.push(format!("ip saddr {subnet} {outside} meta l4proto != {{ tcp, udp }} drop"));
            self.leaving.push(format!("ip saddr {subnet} {outside} masquerade"));
        } else {
            self.forward.push(format!("ip saddr {subnet} {outside} drop"));
        }
    }
}

fn overlays(networks: &[Routed]) -> impl Iterator<Item = (Ipv4Net, &Overlay)> {
    networks.iter().filter_map(|network| Some((network.subnet, network.overlay.as_ref()?)))
}

fn mappings(port: &Port) -> impl Iterator<Item = (String, String)> {
    port.published.iter().map(|published| {
        let from = format!("{} . {}", published.protocol, published.external);
        (from, format!("{} . {}", port.address, published.internal))
    })
}

fn set(members: impl IntoIterator<Item = impl Display>) -> String {
    let members: Vec<String> = members.into_iter().map(|member| member.to_string()).collect();
    format!("{{ {} }}", members.join(", "))
}
