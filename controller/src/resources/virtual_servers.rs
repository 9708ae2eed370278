//! `virtualServers`: VMs of the infrastructure itself. Contract 12.37, [MS-NCNBI 3.1.5.21].

use super::schema::{Access, Collection, Default, Kind, Property};
use super::{Proposal, Rules, connections};
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
    fn check(&self, node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
        connections::check(node, proposal)
    }
}

#[cfg(test)]
mod tests {
    use crate::error::Code;
    use crate::resources::fixture::{Fixture, summary};
    use serde_json::{Value, json};

    #[test]
    fn an_infrastructure_vm_has_a_guid_and_a_flag_beside_its_properties() {
        let mut fixture = Fixture::new();
        fixture.accept("/credentials/user", json!({ "type": "usernamePassword", "userName": "u", "value": "p" }));
        let vm = |guid: Value| {
            json!({ "vmGuid": guid, "connections": [{ "managementAddresses": ["gw01.example"],
                "credential": { "resourceRef": "/credentials/user" }, "credentialType": "usernamePassword" }] })
        };
        let path = "/virtualServers/gw01.example";
        for (guid, code) in [(json!(null), Code::RequiredParamMissing), (json!("7"), Code::InvalidParameterValue)] {
            assert_eq!(summary(&fixture.refuse(path, vm(guid))), (code, "vmGuid"));
        }
        fixture.accept(path, vm(json!("0A1B2C3D-4E5F-4601-8723-456789ABCDEF")));
        let shown = fixture.get(path);
        assert_eq!(shown["markServerReadOnly"], false);
        assert_eq!(shown["properties"]["vmGuid"], "0A1B2C3D-4E5F-4601-8723-456789ABCDEF");
        assert_eq!(fixture.delete("/credentials/user").unwrap_err().code, Code::InUseCredentialCannotBeDeleted);
    }
}
