//! `networkInterfaces/ipConfigurations`: addresses of NICs. Contract 12.23.1, [MS-NCNBI 3.1.5.11.2].

mod address;

use crate::engine::ledger::Ledger;
use crate::engine::world::{Node, World};
use crate::error::{ApiError, Code};
use crate::fabric::Address;
use crate::resources::schema::{Collection, Kind, Property};
use crate::resources::version::Version;
use crate::resources::{Draft, Proposal, Rules, access_control_lists, virtual_networks};
use policy::ids::{AclId, NetworkId, SubnetId};

/// The collection.
pub static IP_CONFIGURATIONS: Collection = Collection::child("networkInterfaces/ipConfigurations")
    .properties(&[
        Property::new(address::ADDRESS, Kind::Address).invalid(Code::InvalidPrivateIPAddressFormat),
        Property::new(address::METHOD, Kind::Enum(&["Static", "Dynamic", "Unmanaged"])),
        Property::new("subnet", Kind::Reference(&["virtualNetworks/subnets", "logicalNetworks/subnets"]))
            .required_or(Code::SubnetIsRequired),
        Property::new("accessControlList", Kind::Reference(&["accessControlLists"])),
        Property::new("publicIPAddress", Kind::Reference(&["publicIPAddresses"])),
        Property::new(
            "loadBalancerBackendAddressPools",
            Kind::List(&Kind::Reference(&["loadBalancers/backendAddressPools"])),
        )
        .always(),
        Property::new("loadBalancerInboundNatRules", Kind::List(&Kind::Reference(&["loadBalancers/inboundNatRules"])))
            .always(),
        Property::new("serviceInsertion", Kind::Reference(&["serviceInsertions"])),
        Property::new("isPrimary", Kind::Boolean).since(Version::V4),
        Property::new("learnedIp", Kind::Reference(&["learnedIPAddresses"])).since(Version::V5),
    ])
    .rules(&IpConfigurationRules);

struct IpConfigurationRules;

impl Rules for IpConfigurationRules {
    fn complete(&self, draft: &mut Draft<'_>) -> Result<(), ApiError> {
        address::complete(draft)
    }

    fn claim(&self, node: &Node, ledger: &mut Ledger<'_>) -> Result<(), ApiError> {
        address::claim(node, ledger)
    }

    /// Service tags need a virtual network to speak of.
    fn check(&self, node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
        let on_logical = node.reference("subnet").is_some_and(|subnet| subnet.collection == "logicalNetworks/subnets");
        let list = node.reference("accessControlList").and_then(|reference| proposal.after.target(reference));
        match list.filter(|list| on_logical && access_control_lists::uses_service_tags(list, proposal.after)) {
            Some(list) => Err(access_control_lists::tags_on_logical_network(list).target("accessControlList")),
            None => Ok(()),
        }
    }
}

/// The virtual network and subnet of an address; `None` when it is on a logical network.
pub(super) fn virtual_subnet<'a>(address: &Node, world: &'a World) -> Option<(&'a Node, &'a Node)> {
    let subnet = address.reference("subnet").filter(|subnet| subnet.collection == "virtualNetworks/subnets")?;
    let subnet = world.target(subnet)?;
    Some((world.parent(subnet)?, subnet))
}

/// At most one address stands for the NIC.
pub(super) fn check_primary(nic: &Node, world: &World) -> Result<(), ApiError> {
    let addresses = world.children(nic, &IP_CONFIGURATIONS);
    let mut primary = addresses.into_iter().filter(|address| address.flag("isPrimary"));
    match (primary.next(), primary.next()) {
        (Some(first), Some(second)) => {
            let message = format!("'{}' and '{}' are both the primary IP configuration.", first.id, second.id);
            Err(ApiError::new(Code::InvalidParameterValue, message).target("isPrimary"))
        }
        _ => Ok(()),
    }
}

/// The address as hosts know it; `None` when it is not on a virtual network.
pub(super) fn compile(address: &Node, world: &World) -> Option<Address> {
    let (network, subnet) = virtual_subnet(address, world)?;
    let list = address.reference("accessControlList").and_then(|reference| world.target(reference));
    Some(Address {
        ca: address.text(address::ADDRESS)?.parse().ok()?,
        network: NetworkId(network.instance_id),
        subnet: SubnetId(subnet.instance_id),
        vsid: virtual_networks::subnet_vsid(subnet)?,
        acl: list.map(|list| AclId(list.instance_id)),
        primary: address.flag("isPrimary"),
    })
}
