//! ARP is answered from the table and never flooded. `semantics.md` 3.3.

use crate::address::Address;
use crate::drop_reason::DropReason;
use crate::packet::arp::{Arp, REQUEST};
use crate::packet::ethernet::Macs;
use crate::tenant::guard;
use crate::tenant::network::Domain;
use crate::tenant::policy::Enforced;
use policy::net::MacAddr;

/// MAC to answer a VM's ARP request with.
///
/// Addresses of other subnets are behind the router, so a guest with too wide a mask gets the router's MAC. Gratuitous
/// requests and replies change nothing: the table comes from the controller.
pub(crate) fn resolve(port: &Enforced, domain: &Domain, macs: Macs, arp: &Arp) -> Result<MacAddr, DropReason> {
    guard::check_arp(port, macs, arp)?;
    let target = Address::v4(arp.target_ip);
    let is_probe_for_itself = arp.sender_ip == [0; 4] && port.address(target).is_some();
    if arp.operation.get() != REQUEST || arp.sender_ip == arp.target_ip || is_probe_for_itself {
        return Err(DropReason::ArpIgnored);
    }
    let subnet = domain.subnet_of(target).ok_or(DropReason::ArpUnknown)?;
    if target == subnet.router.into() {
        return Ok(domain.router_mac);
    }
    let mapped = domain.space.get(subnet.vsid, target).map(|mapping| mapping.mac);
    let mac = mapped.or_else(|| domain.local.get(&target).map(|here| here.mac)).ok_or(DropReason::ArpUnknown)?;
    let sender = match arp.sender_ip {
        [0, 0, 0, 0] => port.primary().ca.into(),
        octets => Address::v4(octets),
    };
    let is_same_subnet = port.subnet(sender, domain).is_some_and(|from| from == subnet);
    Ok(if is_same_subnet { mac } else { domain.router_mac })
}
