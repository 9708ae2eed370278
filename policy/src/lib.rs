//! What controller and agent say to each other.
//!
//! The controller compiles the tenant's intent into *sections* ([`goal_state::Section`]), small serialised documents that
//! are shared between hosts and named by a content hash. A host's goal state is a manifest `section key → hash`.
//! The agent answers with the generation in force and with what happened on each port ([`report`]).
//!
//! This crate holds those documents and the words they are made of. It does no I/O and depends on nothing of ours.

pub mod acl;
pub mod goal_state;
pub mod host;
pub mod ids;
pub mod mapping;
pub mod net;
pub mod network;
pub mod port;
pub mod report;
pub mod text;

/// Version of everything in this crate that goes over the wire or to an agent's disk.
///
/// It moves when a document that an older reader accepts would mean something else to it. Adding an optional member
/// does not move it.
pub const GOAL_STATE_VERSION: u32 = 1;
