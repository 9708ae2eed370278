//! `virtualServers`: VMs of the infrastructure itself. Contract 12.37, [MS-NCNBI 3.1.5.21].

use super::schema::{Access, Collection, Default, Kind, Property};
use super::{Draft, Proposal, Rules, connections};
use crate::engine::world::Node;
use crate::error::{ApiError, Code};

/// The collection.
pub static VIRTUAL_SERVERS: Collection = Collection::new("virtualServers")
    .properties(&[
        connections::PROPERTY,
        Property::new("vmGuid", Kind::Guid).required(),
        Property::back_reference("gateway", &[("gateways", "virtualServer")]),
        Property::new("loadBalancerMuxes", Kind::Back { from: &[("loadBalancerMuxes", "virtualServer")], many: true })
            .access(Access::Derived),
        Property::derived("server", Kind::Reference(&["servers"])),
    ])
    .extras(&[Property::new("markServerReadOnly", Kind::Boolean).default(Default::Boolean(false))])
    .in_use(Code::InUseVirtualServerCannotBeDeleted)
    .rules(&VirtualServerRules);

struct VirtualServerRules;

impl Rules for VirtualServerRules {
    fn complete(&self, draft: &mut Draft<'_>) -> Result<(), ApiError> {
        connections::complete(draft)
    }

    fn check(&self, node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
        connections::check(node, proposal)
    }
}
