//! What a write means: the next world, or a refusal. Pure.

use super::claims::{Claim, Claims, Holder, Timestamp};
use super::document::{Document, Place, check_id};
use super::key::Key;
use super::ledger::Ledger;
use super::ports;
use super::references;
use super::world::{Node, World};
use super::write::{Action, Address, Condition, Effect, Step, Touched, Verdict, Write};
use crate::error::{ApiError, Code};
use crate::resources::schema::Collection;
use crate::resources::{Members, Proposal};
use policy::ids::HostId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;

/// What a write depends on besides the world.
pub(crate) struct Context<'a> {
    pub(crate) now: Timestamp,
    /// How long a released name is not allocated again, in milliseconds.
    pub(crate) hold_off: Timestamp,
    /// Source of etags and instance ids.
    pub(crate) new_id: &'a mut dyn FnMut() -> Uuid,
}

/// Judges one write.
///
/// # Errors
/// The refusal for the client. The world stays as it was.
pub(crate) fn evaluate(world: &World, write: &Write, context: &mut Context<'_>) -> Result<Verdict, ApiError> {
    let Write { address, action, condition } = write;
    let stored = world.find(address.collection.name, &address.key);
    match action {
        Action::Put(body) => put(world, address, stored, condition, body.clone(), context),
        Action::Delete => delete(world, address, stored, condition, context),
    }
}

fn put(
    world: &World,
    address: &Address,
    stored: Option<&Node>,
    condition: &Condition,
    body: Members,
    context: &mut Context<'_>,
) -> Result<Verdict, ApiError> {
    // First of all: the key of an id with a slash in it names another place.
    check_id(&address.id)?;
    let parent = match address.collection.name.rsplit_once('/') {
        Some((collection, _)) => {
            let parent = address.key.parent().and_then(|key| world.find(collection, &key));
            Some(parent.ok_or_else(|| not_found(&address.key))?)
        }
        None => None,
    };
    let held = match (condition, stored) {
        (Condition::None, _) | (Condition::Exists, Some(_)) | (Condition::Missing, None) => true,
        (Condition::Equals(etag), Some(stored)) => same_etag(etag, stored),
        _ => false,
    };
    if !held {
        return Err(failed_precondition(&address.key));
    }
    let place = Place {
        world,
        version: address.version,
        collection: address.collection,
        parent_path: parent.map_or("", |parent| &parent.path),
        id: &address.id,
    };
    let mut document = Document::read(place, body)?;
    references::resolve(&mut document, world)?;
    if stored.is_some_and(|stored| document.equals(world, stored)) {
        return Ok(Verdict { effect: Effect::Unchanged, next: None });
    }
    let effect = stored.map_or(Effect::Created, |_| Effect::Replaced);
    let change = Change { before: world, address, stored, parent };
    let step = change.apply(Some(document), context)?;
    Ok(Verdict { effect, next: Some(step) })
}

fn delete(
    world: &World,
    address: &Address,
    stored: Option<&Node>,
    condition: &Condition,
    context: &mut Context<'_>,
) -> Result<Verdict, ApiError> {
    let Some(node) = stored else {
        return Ok(Verdict { effect: Effect::Absent, next: None });
    };
    match condition {
        Condition::Equals(etag) if !same_etag(etag, node) => return Err(failed_precondition(&address.key)),
        Condition::Missing => return Err(failed_precondition(&address.key)),
        _ => {}
    }
    let parent = world.parent(node);
    let step = Change { before: world, address, stored, parent }.apply(None, context)?;
    Ok(Verdict { effect: Effect::Deleted, next: Some(step) })
}

/// One tree on its way from what is stored to what is asked for.
struct Change<'a> {
    before: &'a World,
    address: &'a Address,
    stored: Option<&'a Node>,
    parent: Option<&'a Node>,
}

impl Change<'_> {
    /// The next world, in which `document` (or nothing) stands at the address.
    fn apply(&self, document: Option<Document>, context: &mut Context<'_>) -> Result<Step, ApiError> {
        let mut after = self.before.next();
        let etag = (context.new_id)();
        let mut old = Vec::new();
        if let Some(stored) = self.stored {
            collect(self.before, stored, &mut old);
        }
        let mut written = Vec::new();
        if let Some(document) = document {
            let mut placing = Placing { before: self.before, after: &mut after, etag, written: &mut written, context };
            placing.place(document, self.stored.map(|stored| stored.position), 0);
        }
        let kept: BTreeSet<&Key> = written.iter().map(|(_, key)| key).collect();
        let removed: Vec<&Node> = old.iter().copied().filter(|node| !kept.contains(&node.key)).collect();
        for node in &removed {
            after.remove(node.collection.name, &node.key);
        }
        self.refuse_if_used(&removed, &after)?;
        let forget = |node: &&Node| ports::forget_host(&mut after, HostId(node.instance_id));
        let attachments = removed.iter().flat_map(forget).collect();
        let ancestors = self.renew_ancestors(&mut after, etag);

        let claims = self.settle_claims(&mut after, &old, &written, context)?;
        let proposal = Proposal { before: self.before, after: &after, version: self.address.version };
        for node in &removed {
            node.collection.rules.check_removal(node, &proposal)?;
        }
        for (collection, key) in written.iter().chain(&ancestors) {
            if let Some(node) = after.find(collection.name, key) {
                node.collection.rules.check(node, &proposal)?;
            }
        }

        let gone = removed.iter().map(|node| (node.collection.name, node.key.clone()));
        let changed = written.iter().chain(&ancestors).map(|(collection, key)| (collection.name, key.clone()));
        let documents = gone.chain(changed).collect();
        let retracted = match self.parent {
            None if written.is_empty() => self.stored.map(|stored| Arc::new(stored.clone())),
            _ => None,
        };
        let touched = Touched { documents, claims, attachments, retracted: retracted.into_iter().collect() };
        Ok(Step { world: after, touched })
    }

    /// What is removed must not be referred to by what stays. Contract 7.6.
    fn refuse_if_used(&self, removed: &[&Node], after: &World) -> Result<(), ApiError> {
        for node in removed {
            let Some(referrer) = after.referrers(&node.key).next() else {
                continue;
            };
            let by = after.find(referrer.collection, &referrer.source).map_or("", |source| &source.path);
            let message = format!("{} is in use by {by}.", node.path);
            let code = node.collection.in_use;
            let deleted = self.address.collection.in_use;
            let root_goes = removed.iter().any(|removed| removed.key == self.address.key);
            return Err(match root_goes && node.key != self.address.key {
                true => ApiError::new(deleted, message.clone()).detail(code, message),
                false => ApiError::new(code, message),
            }
            .target(&*node.path));
        }
        Ok(())
    }

    /// A write to a child gives its ancestors the new etag. Contract section 6.
    fn renew_ancestors(&self, after: &mut World, etag: Uuid) -> Vec<(&'static Collection, Key)> {
        let generation = after.generation();
        let mut ancestors = Vec::new();
        let mut next = self.parent;
        while let Some(node) = next {
            after.put(Node { etag, generation, ..node.clone() });
            ancestors.push((node.collection, node.key.clone()));
            next = self.before.parent(node);
        }
        ancestors
    }

    /// Has the written documents take their names, and releases what the old ones had and the new ones have not.
    fn settle_claims(
        &self,
        after: &mut World,
        old: &[&Node],
        written: &[(&'static Collection, Key)],
        context: &Context<'_>,
    ) -> Result<Vec<Claim>, ApiError> {
        let mut claims = after.claims().clone();
        let mut touched = claims.expire(context.now - context.hold_off);
        let mut amended = Vec::new();
        let tentative = after.clone();
        let mut ledger = Ledger::new(&tentative, self.address.version, &mut claims, &self.address.key);
        for (collection, key) in written {
            if let Some(node) = tentative.find(collection.name, key) {
                ledger.turn_to(node);
                collection.rules.claim(node, &mut ledger)?;
                amended.push((collection.name, key, ledger.take_assigned()));
            }
        }
        let taken = ledger.into_taken();
        // While it lives, changes to the world copy what they touch.
        drop(tentative);
        for (collection, key, assigned) in amended {
            let owned = taken.iter().filter(|(_, owner)| *owner == key).map(|(claim, _)| *claim).collect();
            after.amend(collection, key, assigned, owned);
        }
        let had = old.iter().flat_map(|node| node.claims.iter());
        touched.extend(settle(self.before, &mut claims, had, &taken, context.now));
        if !touched.is_empty() {
            after.set_claims(claims);
        }
        Ok(touched)
    }
}

/// Releases what was owned and is not taken again; names every claim that changed hands.
pub(super) fn settle<'c>(
    before: &World,
    claims: &mut Claims,
    owned: impl Iterator<Item = &'c Claim>,
    taken: &BTreeMap<Claim, Key>,
    now: Timestamp,
) -> Vec<Claim> {
    let mut changed = Vec::new();
    for claim in owned.filter(|claim| !taken.contains_key(claim)) {
        if let Some(owner) = claims.holder(claim).map(|holder| holder.owner.clone()) {
            claims.set(*claim, Holder { owner, released_at: Some(now) });
            changed.push(*claim);
        }
    }
    changed.extend(taken.keys().filter(|claim| before.claims().holder(claim) != claims.holder(claim)));
    changed
}

/// Puts a tree of documents into a world.
struct Placing<'a, 'c> {
    before: &'a World,
    after: &'a mut World,
    etag: Uuid,
    written: &'a mut Vec<(&'static Collection, Key)>,
    context: &'a mut Context<'c>,
}

impl Placing<'_, '_> {
    /// Positions grow with the generation, so a new sibling comes last without a look at the others.
    fn place(&mut self, document: Document, position: Option<i64>, index: i64) {
        const SIBLINGS: u32 = 20;
        let Document { collection, key, path, id, properties, extras, references, children } = document;
        let generation = self.after.generation();
        let stored = self.before.find(collection.name, &key);
        let instance_id = stored.map_or_else(|| (self.context.new_id)(), |stored| stored.instance_id);
        let next = i64::try_from(generation).unwrap_or(i64::MAX >> SIBLINGS) << SIBLINGS | index;
        self.after.put(Node {
            collection,
            key: key.clone(),
            path,
            id,
            instance_id,
            etag: self.etag,
            generation,
            position: position.unwrap_or(next),
            properties: Arc::new(properties),
            extras: Arc::new(extras),
            references: references.into(),
            claims: stored.map_or_else(|| Arc::from([]), |stored| stored.claims.clone()),
        });
        self.written.push((collection, key));
        for (index, child) in (0..).zip(children) {
            self.place(child, None, index);
        }
    }
}

/// A stored document and everything below it, parents first.
fn collect<'w>(world: &'w World, node: &'w Node, into: &mut Vec<&'w Node>) {
    into.push(node);
    for child in node.collection.children().flat_map(|child| world.children(node, child)) {
        collect(world, child, into);
    }
}

/// Compares the text after an optional `W/`, with or without quotes. Contract section 6.
fn same_etag(given: &str, node: &Node) -> bool {
    Uuid::parse_str(given).is_ok_and(|given| given == node.etag)
}

fn failed_precondition(key: &Key) -> ApiError {
    ApiError::new(Code::PreconditionFailed, format!("The state of {key} is not the one the request demands."))
}

/// Refusal of a request for something that does not exist.
pub(crate) fn not_found(what: &Key) -> ApiError {
    ApiError::new(Code::NotFound, format!("{what} does not exist."))
}
