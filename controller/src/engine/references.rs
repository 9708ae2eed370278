//! References: from the path a client wrote to the document it means. Contract section 7.

use super::canonical::{At, bad_reference};
use super::document::Document;
use super::key::Key;
use super::world::{Reference, World};
use crate::error::{ApiError, Code};
use crate::resources::Members;
use crate::resources::schema::{Kind, Property};
use crate::resources::version::Version;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Resolves every reference in a tree of documents, against the world and the tree itself: the text takes the casing of the
/// target, and [`Document::references`] is filled.
///
/// # Errors
/// A reference is malformed, of the wrong type, or leads nowhere.
pub(crate) fn resolve(document: &mut Document, world: &World) -> Result<(), ApiError> {
    let mut own = BTreeMap::new();
    document.for_each(&mut |document| {
        own.insert(document.key.clone(), (document.collection.name, document.path.clone()));
    });
    resolve_tree(document, world, &own)
}

type OwnTree = BTreeMap<Key, (&'static str, Arc<str>)>;

fn resolve_tree(document: &mut Document, world: &World, own: &OwnTree) -> Result<(), ApiError> {
    let mut references = Vec::new();
    visit(document.collection.properties, &mut document.properties, &At::Root, &mut |found| {
        let Found { property, allowed, text, at } = found;
        let (collection, key) = parse(text, allowed, at)?;
        let in_own_tree = own.get(&key).filter(|(name, _)| *name == collection).map(|(_, path)| path);
        let target = in_own_tree.or_else(|| world.find(collection, &key).map(|node| &node.path));
        let Some(path) = target else {
            let message = format!("'{text}' in '{at}' does not exist.");
            return Err(ApiError::new(Code::InvalidResourceReference, message).target(at.to_string()));
        };
        *text = (**path).to_owned();
        let reference = Reference { property, collection, target: key };
        if !references.contains(&reference) {
            references.push(reference);
        }
        Ok(())
    })?;
    document.references = references;
    document.children.iter_mut().try_for_each(|child| resolve_tree(child, world, own))
}

/// References in stored properties, which are resolved already.
pub(crate) fn stored(schema: &'static [Property], properties: &mut Members) -> Result<Vec<Reference>, ApiError> {
    let mut references = Vec::new();
    visit(schema, properties, &At::Root, &mut |found| {
        let (collection, target) = parse(found.text, found.allowed, found.at)?;
        let reference = Reference { property: found.property, collection, target };
        if !references.contains(&reference) {
            references.push(reference);
        }
        Ok(())
    })?;
    Ok(references)
}

/// One reference in a document.
struct Found<'a> {
    /// Name of the property that holds it.
    property: &'static str,
    /// Collections it may lead to.
    allowed: &'static [&'static str],
    text: &'a mut String,
    at: &'a At<'a>,
}

type Visitor<'a> = dyn FnMut(Found<'_>) -> Result<(), ApiError> + 'a;

fn visit(
    schema: &'static [Property],
    members: &mut Members,
    at: &At<'_>,
    visitor: &mut Visitor<'_>,
) -> Result<(), ApiError> {
    for property in schema.iter().filter(|property| holds_references(&property.kind)) {
        if let Some(value) = members.get_mut(property.name) {
            visit_value(property.name, &property.kind, value, &At::Member(at, property.name), visitor)?;
        }
    }
    Ok(())
}

fn visit_value(
    property: &'static str,
    kind: &'static Kind,
    value: &mut Value,
    at: &At<'_>,
    visitor: &mut Visitor<'_>,
) -> Result<(), ApiError> {
    match (kind, value) {
        (Kind::Reference(allowed), Value::String(text)) => visitor(Found { property, allowed, text, at }),
        (Kind::List(of), Value::Array(items)) => {
            items.iter_mut().try_for_each(|item| visit_value(property, of, item, at, visitor))
        }
        (Kind::Object(schema), Value::Object(members)) => visit(schema, members, at, visitor),
        _ => Ok(()),
    }
}

fn holds_references(kind: &Kind) -> bool {
    match kind {
        Kind::Reference(_) => true,
        Kind::List(of) => holds_references(of),
        Kind::Object(schema) => schema.iter().any(|property| holds_references(&property.kind)),
        _ => false,
    }
}

/// Collection and key of a path. A leading `/networking/<version>` and a missing leading slash are tolerated.
fn parse(text: &str, allowed: &'static [&'static str], at: &At<'_>) -> Result<(&'static str, Key), ApiError> {
    let path = text.strip_prefix('/').unwrap_or(text);
    let mut segments: Vec<&str> = path.split('/').collect();
    if let [networking, version, ..] = segments.as_slice()
        && networking.eq_ignore_ascii_case("networking")
        && Version::parse(version).is_some()
    {
        segments.drain(..2);
    }
    if !segments.len().is_multiple_of(2) || segments.iter().any(|segment| segment.is_empty()) {
        return Err(bad_reference(text, at));
    }
    let collection = allowed.iter().copied().find(|name| {
        let names = segments.iter().step_by(2);
        name.split('/').count() * 2 == segments.len()
            && name.split('/').zip(names).all(|(a, b)| a.eq_ignore_ascii_case(b))
    });
    match collection {
        Some(collection) => Ok((collection, Key::new(&format!("/{}", segments.join("/"))))),
        None => {
            let message = format!("'{text}' in '{at}' refers to the wrong type; {} is expected.", allowed.join(" or "));
            Err(ApiError::new(Code::InvalidRequestFormat, message.clone())
                .target(at.to_string())
                .detail(Code::InvalidJsonReferenceWrongType, message))
        }
    }
}
