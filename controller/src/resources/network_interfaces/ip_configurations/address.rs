//! `privateIPAddress` and how it is chosen. Contract 12.23.1, `semantics.md` 3.5.

use super::IP_CONFIGURATIONS;
use crate::engine::claims::ClaimKind;
use crate::engine::ledger::Ledger;
use crate::engine::world::{Node, World};
use crate::error::{ApiError, Code};
use crate::resources::allocation::{SubnetPlan, first_free};
use crate::resources::{Draft, logical_networks, virtual_networks};
use policy::net::{Prefix, address_from_u128, address_to_u128};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::IpAddr;

pub(super) const ADDRESS: &str = "privateIPAddress";
pub(super) const METHOD: &str = "privateIPAllocationMethod";

/// Chooses the method where clients leave it out, and keeps an address that was allocated.
pub(super) fn complete(draft: &mut Draft<'_>) -> Result<(), ApiError> {
    let stored = |property| draft.stored.and_then(|stored| stored.text(property));
    let given = draft.properties.get(ADDRESS).is_some_and(Value::is_string);
    let by_address = if given { "Static" } else { "Dynamic" };
    let asked = draft.properties.get(METHOD).and_then(Value::as_str);
    let method = asked.or(stored(METHOD)).unwrap_or(by_address).to_owned();
    // SDN Express makes an address static after it was allocated; nothing else changes.
    let changeable = |from| from == method || (from == "Dynamic" && method == "Static");
    if !stored(METHOD).is_none_or(changeable) {
        let message = "The allocation method of an IP configuration cannot change, except from Dynamic to Static.";
        return Err(ApiError::new(Code::PrivateIpAllocationMethodCannotBeUpdated, message).target(METHOD));
    }
    match method.as_str() {
        "Static" if !given => {
            let message = "A static IP configuration needs an address.";
            return Err(ApiError::new(Code::PrivateIPAddressMissing, message).target(ADDRESS));
        }
        "Static" => {}
        _ => {
            let kept = stored(ADDRESS).map(Value::from);
            draft.properties.remove(ADDRESS);
            draft.properties.extend(kept.map(|address| (ADDRESS.to_owned(), address)));
        }
    }
    draft.properties.insert(METHOD.to_owned(), method.into());
    Ok(())
}

/// Takes the address in its network, or allocates one.
pub(super) fn claim(node: &Node, ledger: &mut Ledger<'_>) -> Result<(), ApiError> {
    let world = ledger.world();
    let Some(place) = Place::of(node, world) else {
        return Ok(()); // A document without subnet is refused for that.
    };
    let method = node.text(METHOD).unwrap_or_default();
    if method == "Unmanaged" {
        return place.check_unmanaged();
    }
    let Some(prefix) = place.prefix() else {
        let message = format!("{} has no prefix: its addresses can only be Unmanaged.", place.subnet.path);
        return Err(ApiError::new(Code::PrivateIpAllocationMethodMustBeUnmanaged, message).target(METHOD));
    };
    let address: Option<IpAddr> = node.text(ADDRESS).and_then(|text| text.parse().ok());
    match (method, address) {
        // An allocated address stays, unless the configuration has moved to another subnet.
        ("Dynamic", Some(address)) if place.check(prefix, address).is_ok() => place.take(address, ledger),
        ("Dynamic", _) => place.allocate(node, prefix, ledger),
        (_, Some(address)) => {
            place.check(prefix, address)?;
            place.take(address, ledger)
        }
        (_, None) => Ok(()),
    }
}

/// Where an address is: a subnet, virtual or logical, and the network within which addresses are unique.
struct Place<'a> {
    network: &'a Node,
    subnet: &'a Node,
    is_virtual: bool,
}

impl<'a> Place<'a> {
    fn of(node: &Node, world: &'a World) -> Option<Self> {
        let reference = node.reference("subnet")?;
        let subnet = world.target(reference)?;
        let is_virtual = reference.collection == virtual_networks::VIRTUAL_SUBNETS.name;
        Some(Self { network: world.parent(subnet)?, subnet, is_virtual })
    }

    fn prefix(&self) -> Option<Prefix> {
        self.subnet.text("addressPrefix")?.parse().ok()
    }

    /// Only where no controller hands out addresses. [MS-NCNBI 3.1.5.11.2]
    fn check_unmanaged(&self) -> Result<(), ApiError> {
        match self.is_virtual || logical_networks::is_virtualized(self.network) {
            true => {
                let message = format!("{} does not take Unmanaged addresses.", self.subnet.path);
                Err(ApiError::new(Code::UnmanagedAllocationMethodNotSupported, message).target(METHOD))
            }
            false => Ok(()),
        }
    }

    /// Whether a NIC may have `address` here.
    fn check(&self, prefix: Prefix, address: IpAddr) -> Result<(), ApiError> {
        let refuse = |code, why: &str| {
            let message = format!("{address} {why} {prefix} of {}.", self.subnet.path);
            Err(ApiError::new(code, message).target(ADDRESS))
        };
        let reserved = match self.is_virtual {
            true => SubnetPlan::new(prefix).is_reserved(address),
            false => logical_networks::is_gateway(self.subnet, address),
        };
        match (prefix.contains(address), reserved) {
            (false, _) => refuse(Code::PrivateIPAddressNotInSubnet, "is not inside"),
            (true, true) => refuse(Code::PrivateIPAddressInReservedRange, "is reserved in"),
            (true, false) => Ok(()),
        }
    }

    fn take(&self, address: IpAddr, ledger: &mut Ledger<'_>) -> Result<(), ApiError> {
        let kind = ClaimKind::of(address);
        ledger.take(kind, self.network.instance_id, address_to_u128(address)).map_err(|owner| {
            let message = format!("{address} is taken by {owner}.");
            ApiError::new(Code::PrivateIPAddressInUse, message).target(ADDRESS)
        })
    }

    fn allocate(&self, node: &Node, prefix: Prefix, ledger: &mut Ledger<'_>) -> Result<(), ApiError> {
        let world = ledger.world();
        // What the NIC's other configurations ask for by name is theirs, though they may come later in the document.
        let siblings = world.parent(node).map(|nic| world.children(nic, &IP_CONFIGURATIONS));
        let addresses = siblings.into_iter().flatten().filter_map(|sibling| sibling.text(ADDRESS)?.parse().ok());
        let asked_for: BTreeSet<u128> = addresses.map(address_to_u128).collect();
        let taken = ledger.taken(ClaimKind::of(prefix.network()), self.network.instance_id);
        let free = match self.is_virtual {
            true => first_free([SubnetPlan::new(prefix).dynamic_range()], &taken, &asked_for),
            false => {
                let mut pools = logical_networks::Pools::of(self.subnet, ledger.world());
                pools.reserved.extend(asked_for);
                first_free(pools.ranges, &taken, &pools.reserved)
            }
        };
        match free.and_then(|number| address_from_u128(number, prefix.network())) {
            Some(address) => {
                self.take(address, ledger)?;
                ledger.assign(ADDRESS, address.to_string().into());
                Ok(())
            }
            None => {
                let message = format!("No address is free in {}.", self.subnet.path);
                Err(ApiError::new(Code::SubnetIsFull, message).target("subnet"))
            }
        }
    }
}
