//! The goal state this host holds, and the judgement of updates to it. Pure.

use policy::GOAL_STATE_VERSION;
use policy::goal_state::{ContentHash, Refusal, Section, SectionKey, Update};
use policy::host::Host;
use policy::ids::{Epoch, Generation, HostId, NetworkId};
use policy::mapping::{MappingShard, ShardId};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// The goal state in force. Section bodies are kept as text, once for each content: they are small, and parsing the few
/// that a change touches is cheaper than keeping all of them parsed.
#[derive(Clone, Debug, Default)]
pub struct GoalState {
    in_force: Option<(Epoch, Generation)>,
    manifest: BTreeMap<SectionKey, ContentHash>,
    bodies: HashMap<ContentHash, Body>,
    text_bytes: usize,
    /// What the last change was parsed into, until it is in force: it is read several times on the way.
    parsed: HashMap<SectionKey, Arc<Section>>,
}

#[derive(Clone, Debug)]
struct Body {
    json: Arc<RawValue>,
    /// Sections with this content. The body goes with the last one.
    uses: usize,
}

/// What an accepted update does to the manifest. Sections that keep their content are not listed.
#[derive(Debug)]
pub struct Change {
    /// In force afterwards.
    pub in_force: (Epoch, Generation),
    /// New or changed sections.
    pub set: Vec<(SectionKey, ContentHash)>,
    /// Sections that go.
    pub remove: Vec<SectionKey>,
    /// Bodies that were not held before.
    bodies: BTreeMap<ContentHash, Arc<RawValue>>,
    /// The sections of `set`.
    parsed: HashMap<SectionKey, Arc<Section>>,
}

/// Why an update changes nothing.
#[derive(Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The sender has to send something else; it is told what.
    Refused(Refusal),
    /// The update is wrong in itself.
    Invalid(Invalid),
}

/// What is wrong with an update.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Spoken by a newer or an older controller.
    #[error("goal state version {0} is not supported; this agent speaks version {GOAL_STATE_VERSION}")]
    Version(u32),
    /// The text was damaged on the way, or the sender hashes other bytes than it sends.
    #[error("the body sent as {named} has the hash {actual}")]
    Hash {
        /// Name it was sent under.
        named: ContentHash,
        /// Name it should have.
        actual: ContentHash,
    },
    /// A section that does not read as what its key says.
    #[error("section '{key}': {reason}")]
    Section {
        /// The section.
        key: SectionKey,
        /// What is wrong.
        reason: String,
    },
    /// The result would have no section `host`.
    #[error("the goal state has no section 'host'")]
    NoHost,
    /// The goal state is meant for another host.
    #[error("the goal state is for host {actual}, this is host {own}")]
    WrongHost {
        /// Who the agent is.
        own: HostId,
        /// Whom the goal state is for.
        actual: HostId,
    },
}

impl From<Invalid> for Rejection {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl GoalState {
    /// Epoch and generation; none before the first update.
    pub fn in_force(&self) -> Option<(Epoch, Generation)> {
        self.in_force
    }

    /// Length of all section texts in bytes: what a snapshot takes, roughly.
    pub fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// Every section's key, in order.
    pub fn keys(&self) -> impl Iterator<Item = SectionKey> {
        self.manifest.keys().copied()
    }

    /// Shards of the network's mappings, in order.
    pub fn shards(&self, network: NetworkId) -> impl Iterator<Item = ShardId> {
        let first = SectionKey::Mappings(network, ShardId::of(Ipv4Addr::UNSPECIFIED.into()));
        self.manifest.range(first..).map_while(move |(key, _)| match *key {
            SectionKey::Mappings(of, shard) if of == network => Some(shard),
            _ => None,
        })
    }

    /// Content of the section, by name.
    pub fn hash(&self, key: SectionKey) -> Option<ContentHash> {
        self.manifest.get(&key).copied()
    }

    /// The section, parsed. Bodies are checked before they are accepted, so `None` means there is no such section.
    pub fn section(&self, key: SectionKey) -> Option<Arc<Section>> {
        if let Some(parsed) = self.parsed.get(&key) {
            return Some(Arc::clone(parsed));
        }
        Section::parse(key, self.text(self.hash(key)?)?.get()).ok().map(Arc::new)
    }

    /// The last change is in force: its parsed form is not needed any more.
    pub fn settle(&mut self) {
        self.parsed = HashMap::new();
    }

    /// The text of that name, if any section has it.
    fn text(&self, hash: ContentHash) -> Option<&RawValue> {
        self.bodies.get(&hash).map(|body| &*body.json)
    }

    /// The section `host`.
    pub fn host(&self) -> Option<Host> {
        match &*self.section(SectionKey::Host)? {
            Section::Host(host) => Some(host.clone()),
            _ => None,
        }
    }

    /// Decides about `update`. `own` is the host id that is fixed by the settings, if it is.
    ///
    /// The rules: whole manifests are taken from every epoch, since a restored database starts a new one. Within an
    /// epoch, generations only grow. A delta has to start from what is in force. A repetition is accepted and changes
    /// nothing.
    ///
    /// # Errors
    /// [`Rejection`]; nothing changes then.
    pub fn judge(&self, update: &Update, own: Option<HostId>) -> Result<Change, Rejection> {
        if update.version != GOAL_STATE_VERSION {
            return Err(Invalid::Version(update.version).into());
        }
        let in_force = (update.epoch, update.generation);
        let repeated = self.in_force == Some(in_force);
        match (self.in_force, update.base) {
            (Some((epoch, generation)), _) if epoch == update.epoch && update.generation < generation => {
                return Err(Refusal::Stale { in_force: generation }.into());
            }
            (Some((epoch, generation)), Some(base)) if epoch == update.epoch && base == generation => {}
            (_, Some(_)) if repeated => return Ok(Change::none(in_force)),
            (held, Some(_)) => return Err(Refusal::Behind { in_force: held }.into()),
            (_, None) => {}
        }

        let set = update.set.iter().filter(|(key, hash)| self.manifest.get(key) != Some(hash));
        let set: Vec<_> = set.map(|(key, hash)| (*key, *hash)).collect();
        let goes = |key: &SectionKey| self.manifest.contains_key(key) && !update.set.contains_key(key);
        let remove: BTreeSet<_> = match update.base {
            Some(_) => update.remove.iter().copied().filter(goes).collect(),
            None => self.keys().filter(goes).collect(),
        };
        let remove = Vec::from_iter(remove);
        let bodies = self.new_bodies(update, &set)?;
        let mut change = Change { in_force, set, remove, bodies, parsed: HashMap::new() };
        change.parsed = self.check(&change, own)?;
        Ok(change)
    }

    /// Bodies of `set` that are not held yet, their hashes verified.
    fn new_bodies(
        &self,
        update: &Update,
        set: &[(SectionKey, ContentHash)],
    ) -> Result<BTreeMap<ContentHash, Arc<RawValue>>, Rejection> {
        let mut bodies = BTreeMap::new();
        let mut missing = Vec::new();
        for (_, hash) in set.iter().filter(|(_, hash)| !self.bodies.contains_key(hash)) {
            match update.bodies.get(hash) {
                Some(json) => drop(bodies.insert(*hash, Arc::clone(json))),
                None => missing.push(*hash),
            }
        }
        if !missing.is_empty() {
            missing.sort_unstable();
            missing.dedup();
            return Err(Refusal::Missing { bodies: missing }.into());
        }
        for (&named, json) in &bodies {
            let actual = ContentHash::of(json.get().as_bytes());
            if actual != named {
                return Err(Invalid::Hash { named, actual }.into());
            }
        }
        Ok(bodies)
    }

    /// Every changed section must read as what its key says, and the host must be this one. Returns what was read.
    fn check(&self, change: &Change, own: Option<HostId>) -> Result<HashMap<SectionKey, Arc<Section>>, Invalid> {
        let mut parsed = HashMap::with_capacity(change.set.len());
        let mut host = self.host();
        if change.remove.contains(&SectionKey::Host) {
            host = None;
        }
        for &(key, hash) in &change.set {
            let text = change.bodies.get(&hash).map(|json| &**json).or_else(|| self.text(hash));
            let invalid = |reason: String| Invalid::Section { key, reason };
            let text = text.ok_or_else(|| invalid("it has no body".to_owned()))?;
            let section = Section::parse(key, text.get()).map_err(|error| invalid(error.to_string()))?;
            belongs(key, &section).map_err(|reason| invalid(reason.to_owned()))?;
            if let Section::Host(new) = &section {
                host = Some(new.clone());
            }
            parsed.insert(key, Arc::new(section));
        }
        let actual = host.ok_or(Invalid::NoHost)?.id;
        // A host that only learnt its id from a goal state keeps it for as long as the database is the same.
        let learnt = || self.in_force.filter(|held| held.0 == change.in_force.0).and_then(|_| self.host());
        match own.or_else(|| learnt().map(|host| host.id)) {
            Some(own) if own != actual => Err(Invalid::WrongHost { own, actual }),
            _ => Ok(parsed),
        }
    }

    /// Carries out a change that was judged against this very state.
    pub fn apply(&mut self, change: Change) {
        self.in_force = Some(change.in_force);
        self.parsed = change.parsed;
        for (hash, json) in change.bodies {
            self.text_bytes += json.get().len();
            self.bodies.insert(hash, Body { json, uses: 0 });
        }
        // New uses first, so that a content which only moves between sections is not dropped in between.
        let mut released = Vec::new();
        for (key, hash) in change.set {
            if let Some(body) = self.bodies.get_mut(&hash) {
                body.uses += 1;
            }
            released.extend(self.manifest.insert(key, hash));
        }
        released.extend(change.remove.iter().filter_map(|key| self.manifest.remove(key)));
        for hash in released {
            self.release(hash);
        }
    }

    fn release(&mut self, hash: ContentHash) {
        let Some(body) = self.bodies.get_mut(&hash) else { return };
        body.uses -= 1;
        if body.uses == 0 {
            self.text_bytes -= body.json.get().len();
            self.bodies.remove(&hash);
        }
    }

    /// An update that gives this state to an agent that has none.
    pub fn snapshot(&self) -> Option<Update> {
        let (epoch, generation) = self.in_force?;
        let bodies = self.bodies.iter().map(|(hash, body)| (*hash, Arc::clone(&body.json))).collect();
        let set = self.manifest.clone();
        Some(Update { version: GOAL_STATE_VERSION, epoch, generation, base: None, set, remove: Vec::new(), bodies })
    }
}

impl Change {
    fn none(in_force: (Epoch, Generation)) -> Self {
        Self { in_force, set: Vec::new(), remove: Vec::new(), bodies: BTreeMap::new(), parsed: HashMap::new() }
    }

    /// Whether no section changes. The generation may still move.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }
}

/// A body under another section's key is a mistake of the sender that would otherwise surface much later.
fn belongs(key: SectionKey, section: &Section) -> Result<(), &'static str> {
    let same = match (key, section) {
        (SectionKey::Host, Section::Host(_)) => true,
        (SectionKey::Port(nic), Section::Port(port)) => port.nic == nic,
        (SectionKey::Acl(id), Section::Acl(acl)) => acl.id == id,
        (SectionKey::Routes(id), Section::Routes(network)) => network.id == id,
        (SectionKey::Mappings(_, shard), Section::Mappings(mappings)) => return ordered_within(shard, mappings),
        _ => false,
    };
    if same { Ok(()) } else { Err("the body names another object than the key") }
}

fn ordered_within(shard: ShardId, mappings: &MappingShard) -> Result<(), &'static str> {
    if mappings.entries.iter().any(|entry| ShardId::of(entry.ca) != shard) {
        return Err("an entry belongs to another shard");
    }
    match mappings.entries.is_sorted_by(|a, b| (a.vsid, a.ca) < (b.vsid, b.ca)) {
        true => Ok(()),
        false => Err("entries are not in strict order of VSID and address"),
    }
}

#[cfg(test)]
mod tests;
