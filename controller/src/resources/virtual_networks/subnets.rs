//! `virtualNetworks/subnets`: virtual subnets, one VSID each. Contract 12.36.1, [MS-NCNBI 3.1.5.18.2].

use super::address_prefixes;
use crate::engine::claims::ClaimKind;
use crate::engine::ledger::Ledger;
use crate::engine::world::{Node, World};
use crate::error::{ApiError, Code};
use crate::fabric::Subnet;
use crate::resources::allocation::SubnetPlan;
use crate::resources::schema::{Access, Collection, Default, Kind, Property};
use crate::resources::version::Version;
use crate::resources::{Proposal, Rules, virtual_network_manager, virtual_switch_manager};
use policy::ids::{AclId, SubnetId};
use policy::net::{Prefix, Vsid};
use uuid::Uuid;

/// The collection.
pub static VIRTUAL_SUBNETS: Collection = Collection::child("virtualNetworks/subnets")
    .properties(&[
        // The published sample of an error answer: code and target of a rejected prefix. [MS-NCNBI 3.1.5.35]
        Property::new("addressPrefix", Kind::Prefix)
            .required()
            .invalid(Code::InvalidParameterValue)
            .target("SubnetAddress"),
        Property::new("accessControlList", Kind::Reference(&["accessControlLists"])),
        Property::new("routeTable", Kind::Reference(&["routeTables"])),
        Property::new("serviceInsertion", Kind::Reference(&["serviceInsertions"])),
        Property::new("dualStackSubnet", Kind::Reference(&["virtualNetworks/subnets"])).since(Version::V3),
        Property::new("encryptionEnabled", Kind::Boolean).default(Default::Boolean(false)).since(Version::V2),
        Property::new("virtualSubnetId", Kind::IntegerText(0, 0x00ff_ffff)).access(Access::Assigned).since(Version::V2),
        Property::back_references(
            "ipConfigurations",
            &[("networkInterfaces/ipConfigurations", "subnet"), ("loadBalancers/frontendIPConfigurations", "subnet")],
        ),
        Property::derived("billedEgressBytes", Kind::Integer(0, i64::MAX)).since(Version::V2),
        Property::derived("unbilledEgressBytes", Kind::Integer(0, i64::MAX)).since(Version::V2),
        Property::new(
            "learnedIpAddresses",
            Kind::Back { from: &[("learnedIPAddresses", "virtualSubnet")], many: true },
        )
        .access(Access::Derived)
        .since(Version::V5),
    ])
    .in_use(Code::InUseSubnetCannotBeDeleted)
    .rules(&VirtualSubnetRules);

struct VirtualSubnetRules;

impl Rules for VirtualSubnetRules {
    /// A subnet keeps its VSID for life.
    fn claim(&self, node: &Node, ledger: &mut Ledger<'_>) -> Result<(), ApiError> {
        let stored = vsid(node).map(|vsid| u128::from(vsid.get()));
        if stored.is_some_and(|vsid| ledger.take(ClaimKind::Vsid, Uuid::nil(), vsid).is_ok()) {
            return Ok(());
        }
        let range = virtual_network_manager::vsid_range(ledger.world());
        let (first, last) = (u128::from(*range.start()), u128::from(*range.end()));
        let free = ledger.taken(ClaimKind::Vsid, Uuid::nil()).first_free(first..=last);
        match free.filter(|vsid| ledger.take(ClaimKind::Vsid, Uuid::nil(), *vsid).is_ok()) {
            Some(vsid) => {
                ledger.assign("virtualSubnetId", vsid.to_string().into());
                Ok(())
            }
            None => {
                let message = format!("No virtual subnet id is free between {first} and {last}.");
                Err(ApiError::new(Code::ValidationError, message).target("virtualSubnetIdRange"))
            }
        }
    }

    fn check(&self, node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
        virtual_switch_manager::check_policy_is_enforced(node, proposal)?;
        let changed = proposal.stored(node).is_some_and(|stored| prefix(stored) != prefix(node));
        if changed && is_used(node, proposal.after) {
            let message = format!("{} has addresses in use; its prefix cannot change.", node.path);
            return Err(ApiError::new(Code::InUseSubnetCannotBeUpdated, message).target("SubnetAddress"));
        }
        check_encryption(node, proposal.after)?;
        check_dual_stack(node, proposal.after)
    }
}

/// `addressPrefix`.
fn prefix(subnet: &Node) -> Option<Prefix> {
    subnet.text("addressPrefix")?.parse().ok()
}

/// `virtualSubnetId`.
pub(in crate::resources) fn vsid(subnet: &Node) -> Option<Vsid> {
    Vsid::new(subnet.text("virtualSubnetId")?.parse().ok()?)
}

/// Whether an address of the subnet is taken.
fn is_used(subnet: &Node, world: &World) -> bool {
    world.referrers(&subnet.key).any(|referrer| referrer.property == "subnet")
}

/// Subnets lie in the address space and apart from each other. [MS-NCNBI 3.1.5.18]
pub(super) fn check_layout(network: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
    let space: Vec<Prefix> = address_prefixes(&network.properties).collect();
    let mut subnets: Vec<(Prefix, &Node)> = proposal
        .after
        .children(network, &VIRTUAL_SUBNETS)
        .into_iter()
        .filter_map(|subnet| Some((prefix(subnet)?, subnet)))
        .collect();
    for (prefix, subnet) in &subnets {
        if !space.iter().any(|part| part.covers(prefix)) {
            // The space was fit for a subnet that has been there all along: the space has shrunk.
            let code = match is_used(subnet, proposal.after) && proposal.stored(subnet).is_some() {
                true => Code::VnetInUse,
                false => Code::InvalidSubnet,
            };
            let message = format!("{prefix} of {} is outside the address space of {}.", subnet.path, network.path);
            return Err(ApiError::new(code, message).target("SubnetAddress"));
        }
    }
    // Prefixes nest or are disjoint: in this order an overlap shows between neighbours.
    subnets.sort_by_key(|(prefix, _)| (prefix.network(), prefix.prefix_len()));
    for pair in subnets.windows(2) {
        let [(first, a), (second, b)] = pair else { continue };
        if first.overlaps(second) {
            let message = format!("{first} of {} and {second} of {} overlap.", a.path, b.path);
            return Err(ApiError::new(Code::InvalidSubnet, message).target("SubnetAddress"));
        }
    }
    Ok(())
}

/// [MS-NCNBI 3.1.5.18.2]
fn check_encryption(subnet: &Node, world: &World) -> Result<(), ApiError> {
    let network = world.parent(subnet);
    match subnet.flag("encryptionEnabled")
        && network.is_none_or(|network| network.reference("encryptionCredential").is_none())
    {
        true => {
            let message = "An encrypted subnet needs encryptionCredential on its network.";
            Err(ApiError::new(Code::RequiredParamMissing, message).target("encryptionCredential"))
        }
        false => Ok(()),
    }
}

/// Pairs one IPv4 with one IPv6 subnet of the same network. [MS-NCNBI 3.1.5.18.2]
fn check_dual_stack(subnet: &Node, world: &World) -> Result<(), ApiError> {
    let Some(partner) = subnet.reference("dualStackSubnet").and_then(|reference| world.target(reference)) else {
        return Ok(());
    };
    let same_network = partner.key.parent() == subnet.key.parent();
    let families = [subnet, partner].map(|subnet| prefix(subnet).map(|prefix| prefix.is_ipv4()));
    let alone =
        world.referrers_by(&partner.key, VIRTUAL_SUBNETS.name, "dualStackSubnet").all(|other| other.key == subnet.key);
    match same_network && families[0] != families[1] && alone {
        true => Ok(()),
        false => {
            let message = "A dual stack pair is one IPv4 and one IPv6 subnet of one network, and no more.";
            Err(ApiError::new(Code::InvalidSubnet, message).target("dualStackSubnet"))
        }
    }
}

/// The subnet as hosts know it; `None` when the document is not one that this collection accepts.
pub(super) fn compile(subnet: &Node, world: &World) -> Option<Subnet> {
    let prefix = prefix(subnet)?;
    let list = subnet.reference("accessControlList").and_then(|reference| world.target(reference));
    Some(Subnet {
        id: SubnetId(subnet.instance_id),
        vsid: vsid(subnet)?,
        prefix,
        router: SubnetPlan::new(prefix).router(),
        acl: list.map(|list| AclId(list.instance_id)),
    })
}
