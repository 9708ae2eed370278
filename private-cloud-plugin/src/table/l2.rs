//! l2bridge and l2tunnel: containers with addresses of their own behind the VM's MAC (`containers.md` section 2.1).
//!
//! Both show the VM's MAC outside. l2bridge hands frames for a neighbour in the same subnet, and for the VM itself, over
//! locally. l2tunnel addresses every frame to the router and lets the container believe that every neighbour is the
//! router, so that all it says is seen, and judged, by the physical host.

use super::{Port, Uplink, chain, from_a_container, map, quoted};
use crate::network::Kind;
use ipnet::Ipv4Net;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Adds the chains of one uplink to `script`. `number` tells uplinks apart: device names are no names for chains.
pub(super) fn render(script: &mut String, number: usize, uplink: &Uplink) {
    let ports: Vec<&Port> = uplink.ports.iter().filter(|port| port.kind.uses_tenant_addresses()).collect();
    if ports.is_empty() {
        return;
    }
    from_the_fabric(script, number, uplink, &ports);
    let mut subnets: BTreeMap<Ipv4Net, Vec<&Port>> = BTreeMap::new();
    for port in ports.iter().filter(|port| port.kind == Kind::L2Bridge) {
        subnets.entry(port.subnet).or_default().push(port);
    }
    for (index, (subnet, neighbours)) in subnets.iter().enumerate() {
        let name = format!("bridge_{number}_{index}");
        bridge(script, &name, number, uplink, *subnet, neighbours);
        for port in neighbours {
            let to = |family| format!("goto {name}_{family}");
            let answers = vm_in(uplink, *subnet).map(|vm| answer(port, vm)).collect();
            from_a_container(script, port, answers, &to("ip"), &to("arp"));
        }
    }
    for port in ports.iter().filter(|port| port.kind == Kind::L2Tunnel) {
        let Some(router) = port.gateway_mac else {
            // There is nowhere to send to: nothing leaves.
            chain(script, &port.device.replace('-', "_"), Some(&port.device), &["drop".to_owned()]);
            continue;
        };
        let out = format!("ether saddr set {} fwd to \"{}\"", uplink.mac, uplink.device);
        let arp = format!("arp saddr ether set {} {out}", uplink.mac);
        from_a_container(script, port, Vec::new(), &format!("ether daddr set {router} {out}"), &arp);
    }
}

/// Frames for containers leave the uplink's ingress for the container's device; all others go on to the VM.
fn from_the_fabric(script: &mut String, number: usize, uplink: &Uplink, ports: &[&Port]) {
    let macs: Vec<_> = ports.iter().map(|port| (port.address, port.mac)).collect();
    let devices: Vec<_> = ports.iter().map(|port| (port.address, quoted(&port.device))).collect();
    let tunnels = ports.iter().filter(|port| port.kind == Kind::L2Tunnel);
    let routers: Vec<_> = tunnels.filter_map(|port| Some((port.address, port.gateway_mac?))).collect();
    map(script, &format!("mac_{number}"), "ipv4_addr : ether_addr", &macs);
    map(script, &format!("port_{number}"), "ipv4_addr : iface_index", &devices);
    let mut rules = Vec::new();
    if !routers.is_empty() {
        map(script, &format!("router_{number}"), "ipv4_addr : ether_addr", &routers);
        rules.push(format!(
            "ether type arp arp daddr ip @router_{number} arp saddr ether set arp daddr ip map @router_{number}"
        ));
    }
    rules.push(format!(
        "ether type arp arp daddr ip @port_{number} ether daddr set arp daddr ip map @mac_{number} \
         arp daddr ether set arp daddr ip map @mac_{number} fwd to arp daddr ip map @port_{number}"
    ));
    rules.push(format!(
        "ether type ip ip daddr @port_{number} ether daddr set ip daddr map @mac_{number} \
         fwd to ip daddr map @port_{number}"
    ));
    chain(script, &format!("uplink_{number}"), Some(&uplink.device), &rules);
}

/// Where frames of the l2bridge containers of one subnet go.
fn bridge(script: &mut String, name: &str, number: usize, uplink: &Uplink, subnet: Ipv4Net, neighbours: &[&Port]) {
    let devices: Vec<_> = neighbours.iter().map(|port| (port.address, quoted(&port.device))).collect();
    map(script, name, "ipv4_addr : iface_index", &devices);
    let (mut ip, mut arp): (Vec<_>, Vec<_>) =
        vm_in(uplink, subnet).map(|vm| (format!("ip daddr {vm} accept"), format!("arp daddr ip {vm} accept"))).unzip();
    ip.push(format!("ip daddr @{name} ether daddr set ip daddr map @mac_{number} fwd to ip daddr map @{name}"));
    ip.push(format!("ether saddr set {} fwd to \"{}\"", uplink.mac, uplink.device));
    arp.push(format!("arp daddr ip @{name} fwd to arp daddr ip map @{name}"));
    arp.push(format!("ether saddr set {0} arp saddr ether set {0} fwd to \"{1}\"", uplink.mac, uplink.device));
    chain(script, &format!("{name}_ip"), None, &ip);
    chain(script, &format!("{name}_arp"), None, &arp);
}

/// Addresses of the VM in `subnet`.
fn vm_in(uplink: &Uplink, subnet: Ipv4Net) -> impl Iterator<Item = Ipv4Addr> {
    uplink.addresses.iter().map(Ipv4Net::addr).filter(move |address| subnet.contains(address))
}

/// The answer to a container that asks for the VM. The VM itself may not give it: the address is another device's, and
/// where a service mesh or a load balancer sets `arp_ignore` the kernel then keeps silent.
fn answer(port: &Port, vm: Ipv4Addr) -> String {
    let Port { device, device_mac, address, mac, .. } = port;
    format!(
        "ether type arp arp operation request arp daddr ip {vm} arp operation set reply \
         arp daddr ether set {mac} arp daddr ip set {address} arp saddr ether set {device_mac} arp saddr ip set {vm} \
         ether daddr set {mac} ether saddr set {device_mac} fwd to \"{device}\""
    )
}
