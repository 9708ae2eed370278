//! A write that a client asks for, and what came of it.

use super::key::Key;
use super::world::{Node, World};
use crate::error::ApiError;
use crate::resources::Members;
use crate::resources::schema::Collection;
use crate::resources::version::Version;
use std::sync::Arc;

/// A document's address in a request.
#[derive(Clone, Debug)]
pub struct Address {
    /// Version in the URI.
    pub version: Version,
    /// What it is one of.
    pub collection: &'static Collection,
    /// Identity.
    pub key: Key,
    /// The last segment as written.
    pub id: String,
}

/// PUT or DELETE of one document.
#[derive(Debug)]
pub struct Write {
    /// Which document.
    pub address: Address,
    /// What to do.
    pub action: Action,
    /// When to refuse.
    pub condition: Condition,
}

/// What a write does.
#[derive(Debug)]
pub enum Action {
    /// Creates or replaces, from this body.
    Put(Members),
    /// Removes, with everything below.
    Delete,
}

/// `If-Match` and `If-None-Match`. Contract section 6.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// No header, or an empty one.
    #[default]
    None,
    /// `If-Match: *`.
    Exists,
    /// `If-Match: <etag>`; the text without `W/` and quotes.
    Equals(String),
    /// `If-None-Match: *`.
    Missing,
}

/// What came of a write that was not refused.
#[derive(Clone, Debug)]
pub struct Done {
    /// What happened.
    pub effect: Effect,
    /// Revision in which the outcome is visible.
    pub generation: u64,
    /// That revision.
    pub world: Arc<World>,
}

/// What happened to the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is new.
    Created,
    /// It was replaced.
    Replaced,
    /// It was like that before.
    Unchanged,
    /// It is gone.
    Deleted,
    /// It was not there.
    Absent,
}

/// Answer to a write.
pub type Answer = Result<Done, ApiError>;

/// What a judged write leaves behind: the next world, and which parts of it differ.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) effect: Effect,
    /// `None` when nothing changes.
    pub(crate) next: Option<Step>,
}

/// From one world to the next.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) world: World,
    pub(crate) touched: Touched,
}

/// Parts of the world that a step changed; both worlds know the rest.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// Documents, by collection and key.
    pub(crate) documents: Vec<(&'static str, Key)>,
    /// Names that changed hands.
    pub(crate) claims: Vec<super::claims::Claim>,
    /// Attachments of ports.
    pub(crate) attachments: Vec<(policy::ids::NicId, policy::ids::AttachId)>,
    /// Top-level documents whose tree is gone.
    pub(crate) retracted: Vec<Arc<Node>>,
}
