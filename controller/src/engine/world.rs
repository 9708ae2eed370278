//! Everything the controller knows, as an immutable value. A clone shares all content; a change copies what it touches.

use super::bindings::Bindings;
use super::claims::{Claim, Claims};
pub use super::key::Key;
use super::rendering::Rendering;
use crate::resources::Members;
use crate::resources::schema::Collection;
use crate::store::Stored;
use imbl::{HashMap, OrdMap, OrdSet};
use policy::ids::{HostId, NicId};
use serde::Deserialize;
use serde_json::Value;
use std::ops::{Bound, Deref};
use std::sync::Arc;
use uuid::Uuid;

/// One stored document, without its children.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is one of.
    pub collection: &'static Collection,
    /// Identity.
    pub key: Key,
    /// `resourceRef`: the path as references to it are written.
    pub path: Arc<str>,
    /// `resourceId`, as first written.
    pub id: Arc<str>,
    /// `instanceId`.
    pub instance_id: Uuid,
    /// `etag`, without `W/""`.
    pub etag: Uuid,
    /// Revision that wrote it last.
    pub generation: u64,
    /// Orders siblings.
    pub position: i64,
    /// Canonical `properties`, without children and derived members.
    pub properties: Arc<Members>,
    /// Members beside `properties`: `tags`, `resourceMetadata`, and those of [`Collection::extras`].
    pub extras: Arc<Members>,
    /// References in `properties`.
    pub references: Arc<[Reference]>,
    /// Names that it owns.
    pub claims: Arc<[Claim]>,
}

/// A reference to another document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Referring property: the last part of its path.
    pub property: &'static str,
    /// Collection of the target.
    pub collection: &'static str,
    /// The target.
    pub target: Key,
}

/// A document that refers to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Referrer {
    /// Collection of the referring document.
    pub collection: &'static str,
    /// Referring property: the last part of its path.
    pub property: &'static str,
    /// The referring document.
    pub source: Key,
}

impl Node {
    /// A text property.
    pub fn text(&self, property: &str) -> Option<&str> {
        self.properties.get(property)?.as_str()
    }

    /// A boolean property; absent is `false`.
    pub fn flag(&self, property: &str) -> bool {
        self.properties.get(property).and_then(Value::as_bool).unwrap_or_default()
    }

    /// The document that `property` refers to.
    pub fn reference(&self, property: &str) -> Option<&Reference> {
        self.references(property).next()
    }

    /// The documents that `property` refers to, in the order of the document.
    pub fn references(&self, property: &str) -> impl Iterator<Item = &Reference> {
        self.references.iter().filter(move |reference| reference.property == property)
    }

    /// The canonical properties as a typed value.
    ///
    /// # Errors
    /// The schema and `T` disagree.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        T::deserialize(&*self.properties)
    }
}

/// A document with the bytes that it was last rendered to. One pointer, because maps copy many when they change.
#[derive(Clone, Debug)]
pub(crate) struct Entry(Arc<Slot>);

#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) node: Arc<Node>,
    pub(crate) rendering: Rendering,
}

impl Deref for Entry {
    type Target = Slot;

    fn deref(&self) -> &Slot {
        &self.0
    }
}

/// All documents of a collection.
#[derive(Clone, Debug, Default)]
struct Table {
    entries: HashMap<Key, Entry>,
    /// Their keys, for lists and for children of one parent.
    order: OrdSet<Key>,
    /// Revision that changed it last.
    changed: u64,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct World {
    generation: u64,
    tables: OrdMap<&'static str, Table>,
    referrers: HashMap<Key, OrdSet<Referrer>>,
    /// Top-level documents by `instanceId`.
    instances: HashMap<Uuid, (&'static str, Key)>,
    claims: Claims,
    claims_changed: u64,
    bindings: Bindings,
}

impl World {
    /// The last accepted write.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// A document, by the name of its collection and its key.
    pub fn find(&self, collection: &str, key: &Key) -> Option<&Node> {
        self.entry(collection, key).map(|entry| &*entry.node)
    }

    /// The document that a reference names.
    pub fn target(&self, reference: &Reference) -> Option<&Node> {
        self.find(reference.collection, &reference.target)
    }

    /// All documents of a collection (of a child collection: of all parents), by key.
    pub fn all(&self, collection: &str) -> impl Iterator<Item = &Node> + use<'_> {
        self.entries(collection).map(|entry| &*entry.node)
    }

    /// How many documents a collection has.
    pub fn count(&self, collection: &str) -> usize {
        self.tables.get(collection).map_or(0, |table| table.entries.len())
    }

    /// Children of `parent` in one child collection, in the order of the document.
    pub fn children(&self, parent: &Node, collection: &Collection) -> Vec<&Node> {
        self.child_entries(&parent.key, collection).into_iter().map(|entry| &*entry.node).collect()
    }

    /// The document that `node` is embedded in.
    pub fn parent(&self, node: &Node) -> Option<&Node> {
        let (collection, _) = node.collection.name.rsplit_once('/')?;
        self.find(collection, &node.key.parent()?)
    }

    /// Documents that refer to `target`, by collection and property.
    pub fn referrers(&self, target: &Key) -> impl Iterator<Item = &Referrer> + use<'_> {
        self.referrers.get(target).into_iter().flat_map(OrdSet::iter)
    }

    /// Documents that refer to `target` by one property of one collection.
    pub fn referrers_by<'a>(
        &'a self,
        target: &Key,
        collection: &'static str,
        property: &'static str,
    ) -> impl Iterator<Item = &'a Node> + use<'a> {
        let same = move |referrer: &&Referrer| referrer.collection == collection && referrer.property == property;
        self.referrers(target).filter(same).filter_map(|referrer| self.find(collection, &referrer.source))
    }

    /// A top-level document by `instanceId`.
    pub fn instance(&self, id: Uuid) -> Option<&Node> {
        let (collection, key) = self.instances.get(&id)?;
        self.find(collection, key)
    }

    /// Names that documents own.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Host that carries the port of a NIC.
    pub fn host_of(&self, nic: NicId) -> Option<HostId> {
        self.bindings.host_of(nic)
    }

    /// NICs whose ports a host carries, by id.
    pub fn nics_on(&self, host: HostId) -> impl Iterator<Item = NicId> + use<'_> {
        self.bindings.nics_on(host)
    }
}

/// What the engine and `api` need beyond that.
impl World {
    pub(crate) fn entry(&self, collection: &str, key: &Key) -> Option<&Entry> {
        self.tables.get(collection)?.entries.get(key)
    }

    pub(crate) fn entries(&self, collection: &str) -> impl Iterator<Item = &Entry> + use<'_> {
        let tables = self.tables.get(collection).into_iter();
        tables.flat_map(|table| table.order.iter().filter_map(|key| table.entries.get(key)))
    }

    pub(crate) fn child_entries(&self, parent: &Key, collection: &Collection) -> Vec<&Entry> {
        let Some(table) = self.tables.get(collection.name) else {
            return Vec::new();
        };
        let prefix = format!("{parent}/{}/", collection.segment().to_lowercase());
        let from = (Bound::Included(prefix.as_str()), Bound::Unbounded);
        let below = table.order.range::<_, str>(from).take_while(|key| key.as_str().starts_with(&prefix));
        let mut entries: Vec<_> = below.filter_map(|key| table.entries.get(key)).collect();
        entries.sort_unstable_by_key(|entry| entry.node.position);
        entries
    }

    pub(crate) fn table_changed(&self, collection: &str) -> u64 {
        self.tables.get(collection).map_or(0, |table| table.changed)
    }

    pub(crate) fn claims_changed(&self) -> u64 {
        self.claims_changed
    }

    pub(crate) fn bindings(&self) -> &Bindings {
        &self.bindings
    }

    /// The world that is stored.
    pub(crate) fn from_stored(stored: Stored) -> Self {
        let mut world = Self { generation: stored.generation, ..Self::default() };
        stored.nodes.into_iter().for_each(|node| world.put(node));
        stored.claims.into_iter().for_each(|(claim, holder)| world.claims.set(claim, holder));
        for (nic, attach, attachment) in stored.attachments {
            world.bindings.attach(nic, attach, attachment);
        }
        world
    }

    /// The same, but with the generation number of `other`, so that numbers which may be on disk are never used again.
    pub(crate) fn numbered_as(&self, other: &Self) -> Self {
        Self { generation: other.generation, ..self.clone() }
    }

    /// A world to build the next revision in.
    pub(crate) fn next(&self) -> Self {
        Self { generation: self.generation + 1, ..self.clone() }
    }

    /// Adds or replaces a document, and keeps the index of references.
    pub(crate) fn put(&mut self, node: Node) {
        let collection = node.collection.name;
        let generation = self.generation;
        let stored = self.entry(collection, &node.key).map(|entry| entry.node.clone());
        match &stored {
            Some(stored) if stored.references == node.references => {}
            _ => {
                if let Some(stored) = &stored {
                    self.unlink(stored);
                }
                self.link(&node);
            }
        }
        if !collection.contains('/') {
            if let Some(stored) = stored.filter(|stored| stored.instance_id != node.instance_id) {
                self.instances.remove(&stored.instance_id);
            }
            self.instances.insert(node.instance_id, (collection, node.key.clone()));
        }
        let key = node.key.clone();
        let entry = Entry(Arc::new(Slot { node: Arc::new(node), rendering: Rendering::default() }));
        let table = self.tables.entry(collection).or_default();
        table.changed = generation;
        if table.entries.insert(key.clone(), entry).is_none() {
            table.order.insert(key);
        }
    }

    /// Completes a document that was just put with what the claims came to.
    pub(crate) fn amend(
        &mut self,
        collection: &'static str,
        key: &Key,
        assigned: Vec<(&'static str, Value)>,
        claims: Arc<[Claim]>,
    ) {
        let Some(entry) = self.tables.get_mut(collection).and_then(|table| table.entries.get_mut(key)) else {
            return;
        };
        if assigned.is_empty() && *entry.node.claims == *claims {
            return;
        }
        let node = Arc::make_mut(&mut Arc::make_mut(&mut entry.0).node);
        node.claims = claims;
        let properties = Arc::make_mut(&mut node.properties);
        for (property, value) in assigned {
            match value {
                Value::Null => properties.remove(property),
                value => properties.insert(property.to_owned(), value),
            };
        }
    }

    /// Removes a document; its children are the caller's business.
    pub(crate) fn remove(&mut self, collection: &'static str, key: &Key) {
        let generation = self.generation;
        let Some(table) = self.tables.get_mut(collection) else {
            return;
        };
        table.changed = generation;
        if let Some(entry) = table.entries.remove(key) {
            table.order.remove(key);
            self.instances.remove(&entry.node.instance_id);
            self.unlink(&entry.node);
        }
    }

    /// Makes a document and those it is embedded in render anew.
    pub(crate) fn touch(&mut self, collection: &'static str, key: &Key) {
        let (mut collection, mut key) = (collection, key.clone());
        loop {
            if let Some(entry) = self.tables.get_mut(collection).and_then(|table| table.entries.get_mut(&key)) {
                Arc::make_mut(&mut entry.0).rendering = Rendering::default();
            }
            let (Some((parent, _)), Some(parent_key)) = (collection.rsplit_once('/'), key.parent()) else {
                return;
            };
            (collection, key) = (parent, parent_key);
        }
    }

    pub(crate) fn set_claims(&mut self, claims: Claims) {
        self.claims = claims;
        self.claims_changed = self.generation;
    }

    pub(crate) fn set_bindings(&mut self, bindings: Bindings) {
        self.bindings = bindings;
    }

    fn link(&mut self, node: &Node) {
        for Reference { property, collection, target } in node.references.iter() {
            let referrer = Referrer { collection: node.collection.name, property, source: node.key.clone() };
            self.referrers.entry(target.clone()).or_default().insert(referrer);
            self.touch(collection, target);
        }
    }

    fn unlink(&mut self, node: &Node) {
        for Reference { property, collection, target } in node.references.iter() {
            let referrer = Referrer { collection: node.collection.name, property, source: node.key.clone() };
            if let Some(referrers) = self.referrers.get_mut(target) {
                referrers.remove(&referrer);
                if referrers.is_empty() {
                    self.referrers.remove(target);
                }
            }
            self.touch(collection, target);
        }
    }
}
