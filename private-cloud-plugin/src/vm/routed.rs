//! What nat, transparent and overlay ask of the VM itself beside the device pair: what is possible, and what to tell the
//! kernel, as text.

#[cfg(test)]
mod tests;

use super::VmError;
use crate::kernel::{Device, Observed};
use crate::network::overlay::{Overlay, VXLAN_OVERHEAD, VXLAN_PORT, vxlan_device};
use crate::network::{Endpoint, Kind, Network, NetworkId};
use crate::state::State;
use ipnet::Ipv4Net;
use policy::net::Vsid;
use std::collections::BTreeSet;

/// The network can be had beside those that there are.
pub(super) fn check(id: &NetworkId, network: &Network, state: &State) -> Result<(), VmError> {
    let kind = network.kind;
    let mut others = state.networks.iter().filter(|(other, _)| *other != id);
    if kind.routed_by_the_vm() && !network.gateway.is_some_and(|gateway| network.subnet.contains(&gateway)) {
        return Err(VmError::NoGateway { kind, subnet: network.subnet });
    }
    match (&network.overlay, kind) {
        (Some(overlay), Kind::Overlay) => {
            let tenant = Vsid::MIN_TENANT..=Vsid::MAX_TENANT;
            if let Some(vsid) = vsids(overlay).find(|vsid| !tenant.contains(&vsid.get())) {
                return Err(VmError::BadVsid(vsid));
            }
            let same = |other: &Network| other.overlay.as_ref().is_some_and(|other| other.vsid == overlay.vsid);
            if others.any(|(_, other)| same(other)) { Err(VmError::VsidTaken(overlay.vsid)) } else { Ok(()) }
        }
        (None, Kind::Overlay) => Err(VmError::NoVsid),
        (Some(_), _) => Err(VmError::NoOverlay(kind)),
        (None, Kind::Nat) => match others.find(|(_, other)| other.kind == Kind::Nat) {
            Some((first, Network { subnet, .. })) => {
                Err(VmError::SecondNat { subnet: network.subnet, first: *subnet, network: first.clone() })
            }
            None => Ok(()),
        },
        (None, _) => Ok(()),
    }
}

/// VXLAN identifiers that the network sends with, its own first.
fn vsids(overlay: &Overlay) -> impl Iterator<Item = Vsid> {
    let others = overlay.remotes.iter().map(|remote| remote.vsid).filter(|vsid| *vsid != overlay.vsid);
    std::iter::once(overlay.vsid).chain(others)
}

/// MTU of a network's containers when nobody said one.
pub(super) fn usual_mtu(kind: Kind, uplink: &Device) -> u32 {
    if kind == Kind::Overlay { uplink.mtu.saturating_sub(VXLAN_OVERHEAD) } else { uplink.mtu }
}

/// Lines of `ip -batch` by which the VM takes part in a container's network by way of the container's `device`.
pub(super) fn take_part(network: &Network, endpoint: &Endpoint, device: &str, uplink: &Device) -> String {
    let address = endpoint.address;
    let neighbour = uplink.addresses.iter().map(Ipv4Net::addr).find(|vm| network.subnet.contains(vm));
    match (network.kind, network.gateway) {
        (Kind::Nat | Kind::Overlay, Some(gateway)) => format!(
            "address replace {gateway}/32 dev {device}\nroute replace {address}/32 dev {device} src {gateway}\n"
        ),
        (Kind::Transparent, _) => {
            let source = neighbour.map(|vm| format!(" src {vm}")).unwrap_or_default();
            // What the VM routes to the container comes from the VM's MAC.
            format!(
                "link set {} promisc on\nlink set {device} address {}\nroute replace {address}/32 dev {device}{source}\n",
                network.uplink, uplink.mac
            )
        }
        (Kind::L2Bridge, _) => {
            neighbour.map(|vm| format!("route replace {address}/32 dev {device} src {vm}\n")).unwrap_or_default()
        }
        (Kind::L2Tunnel | Kind::Nat | Kind::Overlay, _) => String::new(),
    }
}

/// What makes the VXLAN devices of an overlay.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Vxlan {
    /// Devices that are not there yet.
    pub(super) devices: Vec<String>,
    /// Lines of `ip -batch`: the devices, and where the addresses are.
    pub(super) ip: String,
    /// Lines of `bridge -batch`: in which VM a MAC is.
    pub(super) bridge: String,
}

impl Vxlan {
    /// For the overlay of a network; devices that are there already are kept.
    pub(super) fn new(network: &Network, observed: &Observed) -> Result<Self, VmError> {
        let mut vxlan = Self::default();
        let Some(overlay) = &network.overlay else { return Ok(vxlan) };
        let uplink = &network.uplink;
        let found = observed.devices.get(uplink).ok_or_else(|| VmError::NoDevice(uplink.clone()))?;
        let local = found.addresses.first().ok_or_else(|| VmError::NoAddress(uplink.clone()))?.addr();
        for vsid in vsids(overlay).collect::<BTreeSet<_>>() {
            let device = vxlan_device(vsid);
            if !observed.devices.contains_key(&device) {
                // `proxy`: the device answers ARP for the addresses that it is told of; nothing is flooded.
                vxlan.ip += &format!(
                    "link add {device} type vxlan id {vsid} local {local} dev {uplink} dstport {VXLAN_PORT} nolearning proxy\n\
                     link set {device} addrgenmode none\nlink set {device} up\n"
                );
                vxlan.devices.push(device);
            }
        }
        for remote in &overlay.remotes {
            let (device, address, mac) = (vxlan_device(remote.vsid), remote.address, remote.mac);
            vxlan.ip += &format!(
                "neighbour replace {address} lladdr {mac} dev {device} nud permanent\nroute replace {address}/32 dev {device}\n"
            );
            vxlan.bridge += &format!("fdb replace {mac} dev {device} dst {} self permanent\n", remote.host);
        }
        Ok(vxlan)
    }
}

/// VXLAN devices of `old` that no network of `state` uses.
pub(super) fn unused(old: &Network, state: &State) -> Vec<String> {
    let overlays = state.networks.values().filter_map(|network| network.overlay.as_ref());
    let used: BTreeSet<Vsid> = overlays.flat_map(vsids).collect();
    let mine = old.overlay.iter().flat_map(vsids).collect::<BTreeSet<_>>();
    mine.difference(&used).map(|vsid| vxlan_device(*vsid)).collect()
}

/// Uplinks that had transparent containers before and have none now: they need not hear everything any more.
pub(super) fn quiet_uplinks(before: &State, now: &State) -> BTreeSet<String> {
    let listening = |state: &State| -> BTreeSet<String> {
        let networks = state.endpoints.values().filter_map(|endpoint| state.networks.get(&endpoint.network));
        networks.filter(|network| network.kind == Kind::Transparent).map(|network| network.uplink.clone()).collect()
    };
    &listening(before) - &listening(now)
}
