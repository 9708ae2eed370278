//! The collections of the northbound API: what their documents look like ([`schema`]), and the rules that hold for them
//! ([`Rules`]). One file a collection; the engine knows none of them by name.

pub mod access_control_lists;
pub mod allocation;
pub mod catalogue;
mod configuration_state;
mod connections;
pub mod credentials;
pub mod discovery;
mod dns;
pub mod logical_networks;
pub mod mac_pools;
pub mod network_interfaces;
pub mod schema;
pub mod servers;
pub mod version;
pub mod virtual_network_manager;
pub mod virtual_networks;
pub mod virtual_servers;
pub mod virtual_switch_manager;

#[cfg(test)]
pub(crate) mod fixture;

use crate::engine::ledger::Ledger;
use crate::engine::reading::Reading;
use crate::engine::world::{Node, World};
use crate::error::ApiError;
use crate::fabric::Change;
use serde_json::{Map, Value};
use std::net::IpAddr;
use version::Version;

/// The members of a JSON object.
pub type Members = Map<String, Value>;

/// What the [`schema`] of a collection cannot say. Every hook has a default that does nothing.
///
/// A PUT goes through them in this order, for the written document and every child in it: [`Self::complete`] on the
/// canonical document alone; then references are resolved, an unchanged tree ends here, and the tree is put into a tentative
/// world; then [`Self::claim`]; then [`Self::check`] in the tentative world. A refusal anywhere leaves everything as it
/// was. Hooks are pure: they decide from their arguments alone.
pub trait Rules: Sync {
    /// Checks one canonical document by itself, and completes it from its stored state (a PUT without address keeps the
    /// one that was allocated). References are not resolved yet.
    ///
    /// # Errors
    /// The document breaks a rule of its chapter.
    fn complete(&self, draft: &mut Draft<'_>) -> Result<(), ApiError> {
        let _ = draft;
        Ok(())
    }

    /// Takes the names that the document must own alone (addresses, MACs, VSIDs), and allocates those that the server
    /// chooses. Whatever the stored document owned and is not taken again is released.
    ///
    /// # Errors
    /// A name is taken, or none is free.
    fn claim(&self, node: &Node, ledger: &mut Ledger<'_>) -> Result<(), ApiError> {
        let (_, _) = (node, ledger);
        Ok(())
    }

    /// Checks the document among all others, as they would be after the write. Also called for the ancestors of a written
    /// or deleted child.
    ///
    /// # Errors
    /// The documents together break a rule.
    fn check(&self, node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
        let (_, _) = (node, proposal);
        Ok(())
    }

    /// Whether the document may go; `proposal.after` has it no more. That nothing refers to it is checked without this.
    ///
    /// # Errors
    /// It may not go.
    fn check_removal(&self, node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
        let (_, _) = (node, proposal);
        Ok(())
    }

    /// A host reported ports: gives the document that stands for the host (its `instanceId` is the HostId) what a host with
    /// ports needs, as in [`Self::claim`]. What is missing shows as a state, not as an error: ports are facts.
    /// `fixed` is the provider address that the host's own settings fix.
    fn carry_ports(&self, node: &Node, fixed: Option<IpAddr>, ledger: &mut Ledger<'_>) {
        let (_, _, _) = (node, fixed, ledger);
    }

    /// Value of a property with [`schema::Access::Derived`]; `None` leaves it out.
    fn derive(&self, property: &'static str, node: &Node, reading: &Reading<'_>) -> Option<Value> {
        let (_, _, _) = (property, node, reading);
        None
    }

    /// Whether a secret of this document is shown in clear.
    fn reveals(&self, property: &'static str, node: &Node) -> bool {
        let (_, _) = (property, node);
        false
    }

    /// Names the fabric entities that follow from a top-level document and its children. Called when any document of the
    /// tree has changed, with the world after the change; entities elsewhere that depend on it may be named too.
    fn project(&self, node: &Node, world: &World, changes: &mut Vec<Change>) {
        let (_, _, _) = (node, world, changes);
    }

    /// The reverse: the tree of this top-level document is gone.
    fn retract(&self, node: &Node, world: &World, changes: &mut Vec<Change>) {
        let (_, _, _) = (node, world, changes);
    }
}

/// The rules of a collection that has none.
#[derive(Clone, Copy, Debug)]
pub struct NoRules;

impl Rules for NoRules {}

/// A canonical document on its way in.
#[derive(Debug)]
pub struct Draft<'a> {
    /// `resourceId`.
    pub id: &'a str,
    /// Canonical `properties`, without children.
    pub properties: &'a mut Members,
    /// The stored document with this id, if there is one.
    pub stored: Option<&'a Node>,
    /// Version in the URI.
    pub version: Version,
}

/// A write under judgement.
#[derive(Clone, Copy, Debug)]
pub struct Proposal<'a> {
    /// As it is.
    pub before: &'a World,
    /// As it would be.
    pub after: &'a World,
    /// Version in the URI.
    pub version: Version,
}

impl Proposal<'_> {
    /// The stored document in the place of `node`.
    pub fn stored(&self, node: &Node) -> Option<&Node> {
        self.before.find(node.collection.name, &node.key)
    }
}

/// Served top-level collections.
pub static COLLECTIONS: &[&schema::Collection] = &[
    &access_control_lists::ACCESS_CONTROL_LISTS,
    &credentials::CREDENTIALS,
    &discovery::DISCOVERY,
    &logical_networks::LOGICAL_NETWORKS,
    &mac_pools::MAC_POOLS,
    &network_interfaces::NETWORK_INTERFACES,
    &servers::SERVERS,
    &virtual_network_manager::VIRTUAL_NETWORK_MANAGER,
    &virtual_networks::VIRTUAL_NETWORKS,
    &virtual_servers::VIRTUAL_SERVERS,
    &virtual_switch_manager::VIRTUAL_SWITCH_MANAGER,
];

/// The served collection (or child collection) with this name, in any case.
pub fn collection(name: &str) -> Option<&'static schema::Collection> {
    let mut segments = name.split('/');
    let root = segments.next()?;
    let root = COLLECTIONS.iter().copied().find(|collection| collection.name.eq_ignore_ascii_case(root))?;
    segments
        .try_fold(root, |parent, segment| parent.children().find(|child| child.segment().eq_ignore_ascii_case(segment)))
}
