//! What [`Rules::derive`](crate::resources::Rules::derive) may look at, with a record of what it did look at: that is what
//! decides how long a rendered document stays valid.
//!
//! A document is rendered anew when it, its children, the references to them, or its binding to a host change. What
//! depends on anything else must be asked for by the methods here.

use super::claims::Claims;
use super::world::{Node, World};
use crate::enforcement::{Enforcement, State};
use policy::ids::NicId;
use std::cell::RefCell;
use std::sync::Arc;

/// See the module.
#[derive(Debug)]
pub struct Reading<'a> {
    world: &'a World,
    enforcement: &'a Enforcement,
    seen: RefCell<Vec<Dependency>>,
}

/// Something outside of the document that its rendering depends on, as it was then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dependency {
    /// Names that documents own.
    Claims(u64),
    /// All documents of a collection.
    Table(&'static str, u64),
    /// What hosts have confirmed.
    Enforcement(u64),
    /// What one port came to.
    Nic(NicId, u64),
}

impl<'a> Reading<'a> {
    pub(crate) fn new(world: &'a World, enforcement: &'a Enforcement) -> Self {
        Self { world, enforcement, seen: RefCell::default() }
    }

    /// The world. Only for what makes the document be rendered anew, see the module, and for what never changes (such as the
    /// path of a document that this one refers to).
    pub fn world(&self) -> &'a World {
        self.world
    }

    /// Names that documents own, for usage counts.
    pub fn claims(&self) -> &'a Claims {
        self.see(Dependency::Claims(self.world.claims_changed()));
        self.world.claims()
    }

    /// All documents of a collection.
    pub fn all(&self, collection: &'static str) -> impl Iterator<Item = &'a Node> + use<'a> {
        self.see(Dependency::Table(collection, self.world.table_changed(collection)));
        self.world.all(collection)
    }

    /// What hosts have confirmed, for roll-ups.
    pub fn enforcement(&self) -> &'a Enforcement {
        self.see(Dependency::Enforcement(self.enforcement.stamp()));
        self.enforcement
    }

    /// What the port of a NIC came to.
    pub fn nic_state(&self, nic: NicId) -> Option<Arc<State>> {
        self.see(Dependency::Nic(nic, self.enforcement.nic_stamp(nic)));
        self.enforcement.nic_state(nic)
    }

    fn see(&self, dependency: Dependency) {
        self.seen.borrow_mut().push(dependency);
    }

    /// What was looked at.
    pub(crate) fn into_seen(self) -> Vec<Dependency> {
        self.seen.into_inner()
    }
}

impl Dependency {
    /// Whether it is still as it was.
    pub(crate) fn holds(&self, world: &World, enforcement: &Enforcement) -> bool {
        match *self {
            Self::Claims(changed) => world.claims_changed() == changed,
            Self::Table(collection, changed) => world.table_changed(collection) == changed,
            Self::Enforcement(stamp) => enforcement.stamp() == stamp,
            Self::Nic(nic, stamp) => enforcement.nic_stamp(nic) == stamp,
        }
    }
}
