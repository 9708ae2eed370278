//! From documents to the typed fabric that the compiler works on.

use super::key::Key;
use super::world::{Node, World};
use super::write::Touched;
use crate::fabric::{Change, Revision};
use crate::resources::{COLLECTIONS, collection};
use policy::ids::{Generation, HostId, NicId};
use std::collections::BTreeSet;
use std::sync::Arc;

/// One accepted change, with the world after it.
#[derive(Debug)]
pub struct Commit {
    generation: u64,
    world: Arc<World>,
    /// Top-level documents whose trees changed.
    roots: BTreeSet<(&'static str, Key)>,
    /// Those whose trees are gone.
    retracted: Vec<Arc<Node>>,
    /// Ports that may have moved.
    bindings: Vec<(NicId, Option<HostId>)>,
}

impl Commit {
    /// Everything there is.
    pub(crate) fn everything(world: Arc<World>) -> Self {
        let names = COLLECTIONS.iter().map(|collection| collection.name);
        let roots = names.flat_map(|name| world.all(name).map(move |node| (name, node.key.clone()))).collect();
        let nics: BTreeSet<_> = world.bindings().iter().map(|(nic, _, _)| nic).collect();
        let bindings = nics.into_iter().map(|nic| (nic, world.host_of(nic))).collect();
        Self { generation: world.generation(), roots, retracted: Vec::new(), bindings, world }
    }

    /// What a write touched. `world` is after it, and may be after later writes too: it is read for the present state of
    /// what was touched, and the commits of those later writes follow.
    pub(crate) fn new(generation: u64, world: Arc<World>, touched: &Touched) -> Self {
        let root = |(name, key): &(&'static str, Key)| Some((collection(name.split('/').next()?)?.name, key.root()));
        let roots = touched.documents.iter().filter_map(root).collect();
        let nics: BTreeSet<_> = touched.attachments.iter().map(|(nic, _)| *nic).collect();
        let bindings = nics.into_iter().map(|nic| (nic, world.host_of(nic))).collect();
        Self { generation, roots, retracted: touched.retracted.clone(), bindings, world }
    }

    /// What it means for the fabric.
    pub fn revision(&self) -> Revision {
        let mut changes = Vec::new();
        for node in &self.retracted {
            node.collection.rules.retract(node, &self.world, &mut changes);
        }
        for (name, key) in &self.roots {
            if let Some(node) = self.world.find(name, key) {
                node.collection.rules.project(node, &self.world, &mut changes);
            }
        }
        changes.extend(self.bindings.iter().map(|&(nic, host)| Change::Binding(nic, host)));
        Revision { generation: Generation(self.generation), changes }
    }
}
