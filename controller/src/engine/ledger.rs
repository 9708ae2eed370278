//! The claims of one write while it is judged: what [`Rules::claim`](crate::resources::Rules::claim) works with.

use super::claims::{Claim, ClaimKind, Claims, Holder};
use super::world::{Key, Node, World};
use crate::resources::allocation::Taken;
use crate::resources::version::Version;
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

/// See the module.
#[derive(Debug)]
pub struct Ledger<'a> {
    world: &'a World,
    version: Version,
    claims: &'a mut Claims,
    /// The written tree: what its documents own may change hands among them.
    tree: &'a Key,
    /// The document whose claims are taken now.
    owner: Key,
    /// What the documents of the tree took so far.
    taken: BTreeMap<Claim, Key>,
    assigned: Vec<(&'static str, Value)>,
}

impl<'a> Ledger<'a> {
    pub(crate) fn new(world: &'a World, version: Version, claims: &'a mut Claims, tree: &'a Key) -> Self {
        Self { world, version, claims, tree, owner: tree.clone(), taken: BTreeMap::new(), assigned: Vec::new() }
    }

    /// The tentative world: the write is in it, what this ledger assigns is not.
    pub fn world(&self) -> &'a World {
        self.world
    }

    /// Version in the URI.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Takes a name for the document. Taking one that it owns already is how it keeps it; one in hold-off may be taken
    /// when it is asked for by name.
    ///
    /// # Errors
    /// Another document owns it: its key.
    pub fn take(&mut self, kind: ClaimKind, scope: Uuid, number: u128) -> Result<(), Key> {
        let claim = Claim { kind, scope, number };
        let before = match self.taken.get(&claim) {
            Some(sibling) => Some(sibling),
            None => {
                self.claims.holder(&claim).filter(|holder| holder.released_at.is_none()).map(|holder| &holder.owner)
            }
        };
        match before {
            Some(owner) if *owner == self.owner => {}
            Some(owner) if self.taken.contains_key(&claim) || !owner.is_within(self.tree) => return Err(owner.clone()),
            _ => self.claims.set(claim, Holder { owner: self.owner.clone(), released_at: None }),
        }
        self.taken.insert(claim, self.owner.clone());
        Ok(())
    }

    /// Numbers that cannot be allocated: owned (also by documents of this tree), or in hold-off. A clone is cheap.
    pub fn taken(&self, kind: ClaimKind, scope: Uuid) -> Taken {
        self.claims.taken(kind, scope)
    }

    /// Writes a value that the server chose into `properties` of the document; `null` takes it out.
    pub fn assign(&mut self, property: &'static str, value: Value) {
        self.assigned.push((property, value));
    }

    /// Turns to the next document.
    pub(crate) fn turn_to(&mut self, node: &Node) {
        self.owner = node.key.clone();
    }

    /// What was assigned since the last call.
    pub(crate) fn take_assigned(&mut self) -> Vec<(&'static str, Value)> {
        std::mem::take(&mut self.assigned)
    }

    /// Everything that was taken, by name.
    pub(crate) fn into_taken(self) -> BTreeMap<Claim, Key> {
        self.taken
    }
}
