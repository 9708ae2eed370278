//! The provider address of a host: where others send encapsulated packets for its ports. `semantics.md` 3.1.
//!
//! It comes from the pools of the subnets that the host's physical NICs name, where these belong to a network with
//! virtualization. It is taken when the host reports its first port, or is what the host's own settings fix.

use super::SERVER_INTERFACES;
use crate::engine::claims::ClaimKind;
use crate::engine::ledger::Ledger;
use crate::engine::world::{Node, World};
use crate::fabric::ProviderAddress;
use crate::resources::allocation::first_free;
use crate::resources::logical_networks::{self, Pools};
use policy::ids::HostId;
use policy::net::{Prefix, address_from_u128, address_to_u128};
use std::net::IpAddr;

/// Name of the property that keeps it.
pub(super) const PROPERTY: &str = "providerAddress";
/// Name of the property that keeps what the host's own settings fix.
pub(super) const FIXED: &str = "fixedProviderAddress";

/// A subnet that the host is attached to and that carries the overlay.
struct ProviderSubnet<'a> {
    network: &'a Node,
    subnet: &'a Node,
    prefix: Prefix,
}

fn provider_subnets<'a>(server: &Node, world: &'a World) -> Vec<ProviderSubnet<'a>> {
    let adapters = world.children(server, &SERVER_INTERFACES).into_iter();
    let subnets =
        adapters.flat_map(|adapter| adapter.references("logicalSubnets")).filter_map(|subnet| world.target(subnet));
    subnets
        .filter_map(|subnet| {
            let network = world.parent(subnet).filter(|network| logical_networks::is_virtualized(network))?;
            Some(ProviderSubnet { network, subnet, prefix: logical_networks::subnet_prefix(subnet)? })
        })
        .collect()
}

fn stored(server: &Node, property: &str) -> Option<IpAddr> {
    server.text(property)?.parse().ok()
}

/// The address with what hosts need to know of its subnet.
pub(super) fn of(server: &Node, world: &World) -> Option<ProviderAddress> {
    let address = stored(server, PROPERTY)?;
    let at = provider_subnets(server, world).into_iter().find(|at| at.prefix.contains(address))?;
    Some(ProviderAddress { address, subnet: at.prefix, vlan: logical_networks::subnet_vlan(at.subnet) })
}

/// The document was written: its address stays, unless the host has moved to other subnets.
pub(super) fn keep(server: &Node, ledger: &mut Ledger<'_>) {
    let has_ports = ledger.world().nics_on(HostId(server.instance_id)).next().is_some();
    match stored(server, PROPERTY) {
        Some(address) if take(server, address, ledger) => {}
        // Either it has lost its address, or there was none to get when its first port came.
        _ if has_ports => choose(server, stored(server, FIXED), ledger),
        _ => record(server, PROPERTY, None, ledger),
    }
}

/// The host has ports: it needs an address.
pub(super) fn choose(server: &Node, fixed: Option<IpAddr>, ledger: &mut Ledger<'_>) {
    record(server, FIXED, fixed, ledger);
    let kept = stored(server, PROPERTY);
    let address = match fixed {
        // What the host's settings fix is what it uses: another address would be a lie.
        Some(fixed) => Some(fixed).filter(|fixed| take(server, *fixed, ledger)),
        None => kept.filter(|kept| take(server, *kept, ledger)).or_else(|| allocate(server, ledger)),
    };
    record(server, PROPERTY, address, ledger);
}

fn record(server: &Node, property: &'static str, address: Option<IpAddr>, ledger: &mut Ledger<'_>) {
    if stored(server, property) != address {
        ledger.assign(property, address.map(|address| address.to_string()).into());
    }
}

/// Claims an address in one of the host's subnets.
fn take(server: &Node, address: IpAddr, ledger: &mut Ledger<'_>) -> bool {
    let subnets = provider_subnets(server, ledger.world());
    let Some(at) = subnets.iter().find(|at| at.prefix.contains(address)) else {
        return false;
    };
    ledger.take(ClaimKind::of(address), at.network.instance_id, address_to_u128(address)).is_ok()
}

/// Claims the first free address of the host's pools, if there is one.
fn allocate(server: &Node, ledger: &mut Ledger<'_>) -> Option<IpAddr> {
    let free = provider_subnets(server, ledger.world()).into_iter().find_map(|at| {
        let pools = Pools::of(at.subnet, ledger.world());
        let taken = ledger.taken(pools.kind, at.network.instance_id);
        let number = first_free(pools.ranges, &taken, &pools.reserved)?;
        address_from_u128(number, at.prefix.network())
    });
    free.filter(|address| take(server, *address, ledger))
}
