//! What an agent holds, and the update that takes it from there to the target. Pure.

use crate::compiler::Manifest;
use imbl::ordmap::DiffItem;
use policy::GOAL_STATE_VERSION;
use policy::goal_state::{ContentHash, SectionBody, SectionKey, Update};
use policy::ids::{Epoch, Generation};
use std::collections::{BTreeMap, BTreeSet};

/// A host's manifest, as of a generation.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) generation: Generation,
    pub(super) manifest: Manifest,
}

/// What is known of the goal state that an agent holds.
#[derive(Debug)]
pub(super) enum Held {
    /// It has to be asked. If what it names is one of these, nothing is lost.
    Unclear(Vec<Target>),
    /// None at all.
    Nothing,
    /// One that this controller did not send in this life; the agent may know many bodies.
    Something,
    /// This one.
    Exactly(Target),
}

impl Held {
    /// What the agent holds when it says it enforces `in_force` and was last sent one of `candidates`.
    pub(super) fn resolve(epoch: Epoch, in_force: Option<(Epoch, Generation)>, candidates: Vec<Target>) -> Self {
        let Some((its_epoch, generation)) = in_force else { return Self::Nothing };
        let known = candidates.into_iter().find(|target| its_epoch == epoch && target.generation == generation);
        known.map_or(Self::Something, Self::Exactly)
    }

    /// From now on the agent has to be asked; it may hold what it held, or what it was `sent`.
    pub(super) fn doubt(&mut self, sent: Option<&Target>) {
        let mut candidates = match std::mem::replace(self, Self::Nothing) {
            Self::Unclear(candidates) => candidates,
            Self::Exactly(target) => vec![target],
            Self::Nothing | Self::Something => Vec::new(),
        };
        candidates.extend(sent.cloned());
        *self = Self::Unclear(candidates);
    }

    /// The update from here to `target`.
    pub(super) fn update(&self, epoch: Epoch, target: &Target) -> Update {
        let mut update = Update {
            version: GOAL_STATE_VERSION,
            epoch,
            generation: target.generation,
            base: None,
            set: BTreeMap::new(),
            remove: Vec::new(),
            bodies: BTreeMap::new(),
        };
        match self {
            Self::Exactly(base) => {
                update.base = Some(base.generation);
                for change in base.manifest.diff(&target.manifest) {
                    match change {
                        DiffItem::Add(key, body) | DiffItem::Update { new: (key, body), .. } => {
                            set(&mut update, *key, body);
                        }
                        DiffItem::Remove(key, _) => update.remove.push(*key),
                    }
                }
            }
            Self::Nothing => target.manifest.iter().for_each(|(key, body)| set(&mut update, *key, body)),
            // Bodies follow for those that it asks for.
            Self::Something | Self::Unclear(_) => {
                update.set = target.manifest.iter().map(|(key, body)| (*key, body.hash)).collect();
            }
        }
        update
    }
}

fn set(update: &mut Update, key: SectionKey, body: &SectionBody) {
    update.set.insert(key, body.hash);
    update.bodies.insert(body.hash, body.json.clone());
}

/// Adds the bodies that the agent asked for. False when that gives it nothing new.
pub(super) fn supply(update: &mut Update, target: &Target, missing: &[ContentHash]) -> bool {
    let missing: BTreeSet<&ContentHash> = missing.iter().collect();
    let before = update.bodies.len();
    let asked = target.manifest.values().filter(|body| missing.contains(&body.hash));
    update.bodies.extend(asked.map(|body| (body.hash, body.json.clone())));
    update.bodies.len() > before
}

#[cfg(test)]
mod tests;
