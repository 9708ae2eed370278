//! `accessControlLists`: rule sets that subnets and IP configurations refer to. Contract 12.1, [MS-NCNBI 3.1.5.1].

mod acl_rules;

pub use acl_rules::ACL_RULES;

use super::schema::{Collection, Default, Kind, Property};
use super::version::Version;
use super::{Proposal, Rules, configuration_state, network_interfaces, virtual_switch_manager};
use crate::engine::reading::Reading;
use crate::engine::world::{Node, World};
use crate::error::{ApiError, Code};
use crate::fabric::{Acl, Change};
use policy::acl::Action;
use policy::ids::AclId;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

const DEFAULT_ACTION: Kind = Kind::Enum(&["Permit", "Deny"]);

/// The collection.
pub static ACCESS_CONTROL_LISTS: Collection = Collection::new("accessControlLists")
    .properties(&[
        Property::children(&ACL_RULES).always(),
        Property::new("inboundDefaultAction", DEFAULT_ACTION).default(Default::Text("Permit")),
        Property::new("outboundDefaultAction", DEFAULT_ACTION).default(Default::Text("Permit")),
        Property::back_references("ipConfigurations", &[("networkInterfaces/ipConfigurations", "accessControlList")]),
        Property::back_references(
            "subnets",
            &[("virtualNetworks/subnets", "accessControlList"), ("logicalNetworks/subnets", "accessControlList")],
        ),
        Property::new("securityTags", Kind::List(&Kind::Reference(&["securityTags"]))).since(Version::V5),
        configuration_state::WITH_NIC_ERRORS,
    ])
    .in_use(Code::InUseAccessControlListCannotBeDeleted)
    .rules(&AccessControlListRules);

struct AccessControlListRules;

impl Rules for AccessControlListRules {
    fn check(&self, node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
        virtual_switch_manager::check_policy_is_enforced(node, proposal)?;
        check_priorities(node, proposal.after)?;
        // A list that had service tags before cannot reach a logical network: attaching it was refused.
        let had_tags = proposal.stored(node).is_some_and(|stored| uses_service_tags(stored, proposal.before));
        if !had_tags && uses_service_tags(node, proposal.after) && reaches_logical_network(node, proposal.after) {
            return Err(tags_on_logical_network(node));
        }
        Ok(())
    }

    fn derive(&self, property: &'static str, node: &Node, reading: &Reading<'_>) -> Option<Value> {
        (property == "configurationState").then(|| {
            let world = reading.world();
            let rolled = reading.enforcement().roll_up(|nic| {
                let nic = world.instance(nic.0);
                nic.is_some_and(|nic| network_interfaces::lists(nic, world).any(|list| list == node.key))
            });
            configuration_state::rolled_up(&rolled, node.instance_id, false)
        })
    }

    fn project(&self, node: &Node, world: &World, changes: &mut Vec<Change>) {
        let id = AclId(node.instance_id);
        changes.push(Change::Acl(id, Some(Arc::new(compile(node, world)))));
    }

    fn retract(&self, node: &Node, _: &World, changes: &mut Vec<Change>) {
        changes.push(Change::Acl(AclId(node.instance_id), None));
    }
}

/// Within a list, a priority is given once for each direction. [MS-NCNBI 3.1.5.1.2]; a published sample repeats one
/// for the other direction.
fn check_priorities(list: &Node, world: &World) -> Result<(), ApiError> {
    let mut owners = BTreeMap::new();
    for rule in world.children(list, &ACL_RULES) {
        let place = (rule.text("type"), rule.text("priority"));
        if let Some(other) = owners.insert(place, rule) {
            let (direction, priority) = (place.0.unwrap_or_default(), place.1.unwrap_or_default());
            let message =
                format!("'{}' and '{}' are both {direction} rules of priority {priority}.", other.id, rule.id);
            return Err(ApiError::new(Code::InvalidAclRulePriority, message).target(&*rule.path));
        }
    }
    Ok(())
}

/// Whether a rule of the list matches a service tag.
pub(super) fn uses_service_tags(list: &Node, world: &World) -> bool {
    world.children(list, &ACL_RULES).into_iter().any(acl_rules::uses_service_tag)
}

/// Whether a NIC on a logical subnet is judged by the list. O(documents that refer to the list).
fn reaches_logical_network(list: &Node, world: &World) -> bool {
    world.referrers(&list.key).any(|referrer| {
        let node = world.find(referrer.collection, &referrer.source);
        let subnet = node.and_then(|node| node.reference("subnet"));
        referrer.collection == "logicalNetworks/subnets"
            || subnet.is_some_and(|subnet| subnet.collection == "logicalNetworks/subnets")
    })
}

/// Service tags speak of the virtual network of a NIC. [MS-NCNBI 3.1.5.1.2]
pub(super) fn tags_on_logical_network(list: &Node) -> ApiError {
    let message = format!("{} has rules with service tags, which mean nothing on a logical network.", list.path);
    ApiError::new(Code::AclRuleTagsNotSupportedOnLogicalNetwork, message)
}

/// The list as hosts enforce it.
fn compile(list: &Node, world: &World) -> Acl {
    let default_action = |property| match list.text(property) {
        Some("Deny") => Action::Deny,
        _ => Action::Allow,
    };
    let mut rules: Vec<_> = world.children(list, &ACL_RULES).into_iter().filter_map(acl_rules::compile).collect();
    rules.sort_by(|a, b| (a.priority, &a.id).cmp(&(b.priority, &b.id)));
    Acl {
        id: AclId(list.instance_id),
        inbound_default: default_action("inboundDefaultAction"),
        outbound_default: default_action("outboundDefaultAction"),
        rules,
    }
}

#[cfg(test)]
mod tests;
