//! `servers`: hosts. Contract 12.29, [MS-NCNBI 3.1.5.15].

mod network_interfaces;
mod provider_address;

pub use network_interfaces::SERVER_INTERFACES;

use super::schema::{Access, Collection, Kind, Property};
use super::version::Version;
use super::{Proposal, Rules, configuration_state, connections};
use crate::engine::ledger::Ledger;
use crate::engine::reading::Reading;
use crate::engine::world::{Node, World};
use crate::error::{ApiError, Code};
use crate::fabric::{Change, Server};
use policy::ids::HostId;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;

/// The collection.
pub static SERVERS: Collection = Collection::new("servers")
    .properties(&[
        connections::PROPERTY,
        Property::new("certificate", Kind::Text),
        configuration_state::PLAIN,
        Property::children(&SERVER_INTERFACES),
        Property::new("auditingEnabled", Kind::List(&Kind::Enum(&["Disabled", "Firewall"]))).since(Version::V3),
        Property::new("model", Kind::Text),
        Property::new("os", Kind::Text),
        Property::new("rackSlot", Kind::Text),
        Property::new("serial", Kind::Text),
        Property::new("vendor", Kind::Text),
        Property::new("managementState", Kind::Text),
        Property::derived("virtualNetworkInterfaces", Kind::List(&Kind::Reference(&["networkInterfaces"])))
            .since(Version::V2),
        Property::derived("virtualServers", Kind::List(&Kind::Reference(&["virtualServers"]))),
        Property::derived("virtualSwitches", Kind::List(&Kind::Json)),
        Property::new(provider_address::PROPERTY, Kind::Address).access(Access::Internal),
        Property::new(provider_address::FIXED, Kind::Address).access(Access::Internal),
    ])
    .in_use(Code::InUseServerCannotBeDeleted)
    .rules(&ServerRules);

struct ServerRules;

impl Rules for ServerRules {
    fn claim(&self, node: &Node, ledger: &mut Ledger<'_>) -> Result<(), ApiError> {
        provider_address::keep(node, ledger);
        Ok(())
    }

    fn check(&self, node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
        connections::check(node, proposal)
    }

    fn check_removal(&self, node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
        match hosted(node, proposal.before).next() {
            Some(nic) => {
                let message = format!("{} carries the port of {}.", node.path, nic.path);
                Err(ApiError::new(Code::InUseServerCannotBeDeleted, message))
            }
            None => Ok(()),
        }
    }

    fn carry_ports(&self, node: &Node, fixed: Option<IpAddr>, ledger: &mut Ledger<'_>) {
        provider_address::choose(node, fixed, ledger);
    }

    fn derive(&self, property: &'static str, node: &Node, reading: &Reading<'_>) -> Option<Value> {
        match property {
            "virtualNetworkInterfaces" => {
                let nics = hosted(node, reading.world());
                let references: Vec<Value> = nics.map(|nic| json!({ "resourceRef": &*nic.path })).collect();
                (!references.is_empty()).then(|| references.into())
            }
            "configurationState" => {
                let state = reading.enforcement().host_state(HostId(node.instance_id));
                state.map(|state| configuration_state::of(&state, None))
            }
            _ => None,
        }
    }

    fn project(&self, node: &Node, world: &World, changes: &mut Vec<Change>) {
        changes.push(change(node, world));
    }

    fn retract(&self, node: &Node, _: &World, changes: &mut Vec<Change>) {
        changes.push(Change::Server(HostId(node.instance_id), None));
    }
}

/// NICs whose ports the host carries.
fn hosted<'a>(server: &Node, world: &'a World) -> impl Iterator<Item = &'a Node> + use<'a> {
    // A host may report ports of NICs that are not there any more.
    world.nics_on(HostId(server.instance_id)).filter_map(|nic| world.instance(nic.0))
}

/// The server as the compiler knows it.
pub(super) fn change(server: &Node, world: &World) -> Change {
    let id = HostId(server.instance_id);
    let provider_address = provider_address::of(server, world);
    Change::Server(id, Some(Arc::new(Server { id, agent: connections::endpoint(server), provider_address })))
}

#[cfg(test)]
mod tests;
