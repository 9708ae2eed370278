//! transparent: the container's own MAC and address on the VM's wire (`containers.md` section 1).
//!
//! Frames are handed over by MAC, like a bridge does: from the uplink to containers, from containers to neighbours and to
//! the uplink. What a container sends to a container of another subnet in this VM is routed by the VM, although it is
//! addressed to the gateway: that is what the Windows driver does.

use super::{Port, Uplink, chain, map, quoted};
use crate::network::Kind;
use ipnet::Ipv4Net;

/// Adds the chains of one uplink to `script`. `number` tells uplinks apart.
pub(super) fn render(script: &mut String, number: usize, uplink: &Uplink) {
    let ports: Vec<&Port> = uplink.ports.iter().filter(|port| port.kind == Kind::Transparent).collect();
    if ports.is_empty() {
        return;
    }
    let (by_mac, by_address) = (format!("transparent_mac_{number}"), format!("transparent_{number}"));
    let macs: Vec<_> = ports.iter().map(|port| (port.mac, quoted(&port.device))).collect();
    map(script, &by_mac, "ether_addr : iface_index", &macs);
    let addresses: Vec<_> = ports.iter().map(|port| (port.address, quoted(&port.device))).collect();
    map(script, &by_address, "ipv4_addr : iface_index", &addresses);

    // A frame does not go back to where it comes from.
    let flood: Vec<String> =
        ports.iter().map(|port| format!("iifname != \"{0}\" dup to \"{0}\"", port.device)).collect();
    chain(script, &format!("transparent_flood_{number}"), None, &flood);
    let bridge = format!("ether daddr @{by_mac} fwd to ether daddr map @{by_mac}");
    let everybody = format!("meta pkttype {{ broadcast, multicast }} jump transparent_flood_{number}");
    // Containers speak nothing else, so nothing else is for them.
    let from_the_wire = [&bridge, &everybody].map(|rule| format!("ether type {{ ip, arp }} {rule}"));
    chain(script, &format!("transparent_up_{number}"), Some(&uplink.device), &from_the_wire);

    let vm = || uplink.addresses.iter().map(Ipv4Net::addr);
    let out = format!("fwd to \"{}\"", uplink.device);
    let mut ip = vec![bridge.clone()];
    ip.extend(vm().map(|address| format!("ip daddr {address} accept")));
    ip.push(format!("ip daddr @{by_address} meta pkttype set host accept"));
    ip.extend([everybody.clone(), out.clone()]);
    let mut arp = vec![bridge];
    arp.extend(vm().map(|address| format!("arp daddr ip {address} accept")));
    arp.extend([everybody, out]);
    chain(script, &format!("transparent_{number}_ip"), None, &ip);
    chain(script, &format!("transparent_{number}_arp"), None, &arp);
    for port in ports {
        let to = |family| format!("goto transparent_{number}_{family}");
        super::from_a_container(script, port, Vec::new(), &to("ip"), &to("arp"));
    }
}
