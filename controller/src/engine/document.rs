//! A tree of documents as a client asks for it: canonical, but not stored yet.

use super::canonical::{self, At, take};
use super::key::Key;
use super::world::{Node, Reference, World};
use crate::error::{ApiError, Code};
use crate::resources::schema::Collection;
use crate::resources::version::Version;
use crate::resources::{self, Members};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// One document with its children.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) collection: &'static Collection,
    pub(crate) key: Key,
    pub(crate) path: Arc<str>,
    pub(crate) id: Arc<str>,
    pub(crate) properties: Members,
    pub(crate) extras: Members,
    /// Filled by [`super::references::resolve`].
    pub(crate) references: Vec<Reference>,
    /// Collection by collection, each in the order of its array.
    pub(crate) children: Vec<Document>,
}

/// Where a document is to be, and what is there now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) world: &'a World,
    pub(crate) version: Version,
    pub(crate) collection: &'static Collection,
    /// Path of the document that it is embedded in; empty for top-level ones.
    pub(crate) parent_path: &'a str,
    /// `resourceId` as the client writes it.
    pub(crate) id: &'a str,
}

/// Members of every document that are kept as they are.
const VERBATIM: [&str; 2] = ["tags", "resourceMetadata"];

impl Document {
    /// Reads what a client sent for `place`.
    ///
    /// # Errors
    /// It is malformed, or breaks a rule that concerns the document alone.
    pub(crate) fn read(place: Place<'_>, mut body: Members) -> Result<Self, ApiError> {
        let Place { world, version, collection, parent_path, id } = place;
        check_id(id)?;
        match take(&mut body, "resourceId") {
            Some(given) if !is_same_id(&given, id) => {
                let message = format!("resourceId {given} differs from '{id}' in the URI.");
                return Err(ApiError::new(Code::InvalidResourceName, message).target("resourceId"));
            }
            _ => {}
        }
        let written = format!("{parent_path}/{}/{id}", collection.reference_segment);
        // Children of `/logicalnetworks/x` and of `/logicalNetworks/x` have one key: keys have no case.
        let key = Key::new(&written);
        let stored = world.find(collection.name, &key);
        let path: Arc<str> = stored.map_or_else(|| written.into(), |stored| stored.path.clone());
        let id: Arc<str> = stored.map_or_else(|| id.into(), |stored| stored.id.clone());

        let mut given = match take(&mut body, "properties") {
            None => Members::new(),
            Some(Value::Object(members)) => members,
            Some(_) => return Err(malformed("'properties' is an object.", "properties")),
        };
        let mut children = Vec::new();
        for child in collection.children() {
            let array = take(&mut given, child.segment());
            if child.since <= version {
                children.extend(read_children(place, &path, child, array)?);
            } else if let Some(stored) = stored {
                let kept = world.children(stored, child);
                children.extend(kept.into_iter().map(|node| Self::stored(world, node)));
            }
        }
        let before = stored.map(|stored| &*stored.properties);
        let mut properties = canonical::members(collection.properties, given, before, version, &At::Root)?;
        let mut verbatim = Members::new();
        for name in VERBATIM {
            match take(&mut body, name) {
                None => {}
                Some(Value::Object(members)) => drop(verbatim.insert(name.to_owned(), Value::Object(members))),
                Some(_) => return Err(malformed(&format!("'{name}' is an object."), name)),
            }
        }
        let before = stored.map(|stored| &*stored.extras);
        let mut extras = canonical::members(collection.extras, body, before, version, &At::Root)?;
        extras.append(&mut verbatim);

        let mut draft = resources::Draft { id: &id, properties: &mut properties, stored, version };
        collection.rules.complete(&mut draft)?;
        Ok(Self { collection, key, path, id, properties, extras, references: Vec::new(), children })
    }

    /// What is stored, as if a client had sent it.
    pub(crate) fn stored(world: &World, node: &Node) -> Self {
        let children = node.collection.children().flat_map(|child| world.children(node, child));
        Self {
            collection: node.collection,
            key: node.key.clone(),
            path: node.path.clone(),
            id: node.id.clone(),
            properties: (*node.properties).clone(),
            extras: (*node.extras).clone(),
            references: node.references.to_vec(),
            children: children.map(|child| Self::stored(world, child)).collect(),
        }
    }

    /// Whether the stored tree `node` says the same.
    pub(crate) fn equals(&self, world: &World, node: &Node) -> bool {
        if self.properties != *node.properties || self.extras != *node.extras {
            return false;
        }
        let stored: Vec<_> = node.collection.children().flat_map(|child| world.children(node, child)).collect();
        stored.len() == self.children.len()
            && self
                .children
                .iter()
                .zip(stored)
                .all(|(child, stored)| child.key == stored.key && child.equals(world, stored))
    }

    /// The document and everything below it, parents first.
    pub(crate) fn for_each(&self, visit: &mut impl FnMut(&Self)) {
        visit(self);
        self.children.iter().for_each(|child| child.for_each(visit));
    }
}

fn read_children(
    place: Place<'_>,
    parent_path: &str,
    collection: &'static Collection,
    array: Option<Value>,
) -> Result<Vec<Document>, ApiError> {
    let items = match array {
        None => Vec::new(),
        Some(Value::Array(items)) => items,
        Some(single) => vec![single],
    };
    let mut seen = BTreeSet::new();
    let mut children = Vec::with_capacity(items.len());
    for item in items.into_iter().filter(|item| !item.is_null()) {
        let segment = collection.segment();
        let Value::Object(mut body) = item else {
            return Err(malformed(&format!("Every item of '{segment}' is an object."), segment));
        };
        let id = match take(&mut body, "resourceId") {
            Some(Value::String(id)) => id,
            Some(Value::Number(id)) => id.to_string(),
            _ => {
                let message = format!("Every item of '{segment}' needs a 'resourceId'.");
                return Err(ApiError::new(Code::RequiredParamMissing, message).target("resourceId"));
            }
        };
        if !seen.insert(id.to_lowercase()) {
            let message = format!("'{id}' occurs twice in '{segment}'.");
            return Err(ApiError::new(Code::InvalidResourceName, message).target("resourceId"));
        }
        let child = Place { collection, parent_path, id: &id, ..place };
        let within = |error: ApiError| error.within(&format!("{segment}/{id}"));
        children.push(Document::read(child, body).map_err(within)?);
    }
    Ok(children)
}

/// Whether a `resourceId` in a body says what the URI says; an empty one says nothing.
fn is_same_id(given: &Value, id: &str) -> bool {
    match given {
        Value::String(text) => text.is_empty() || text.to_lowercase() == id.to_lowercase(),
        Value::Number(number) => number.to_string() == *id,
        _ => false,
    }
}

/// Contract section 2, recommended limits.
pub(super) fn check_id(id: &str) -> Result<(), ApiError> {
    const LONGEST: usize = 256;
    let refuse = |message: &str| Err(ApiError::new(Code::InvalidResourceName, message).target("resourceId"));
    match id {
        "" => refuse("A resourceId cannot be empty."),
        _ if id.chars().count() > LONGEST => refuse("A resourceId has at most 256 characters."),
        _ if id.trim() != id => refuse("A resourceId neither begins nor ends with a blank."),
        _ if id.chars().any(|letter| letter.is_control() || "/\\?#%".contains(letter)) => {
            refuse("A resourceId contains none of / \\ ? # % and no control characters.")
        }
        _ => Ok(()),
    }
}

/// Refusal of a body whose shape is wrong.
pub(crate) fn malformed(message: &str, target: &str) -> ApiError {
    ApiError::new(Code::InvalidRequestFormat, message).target(target)
}
