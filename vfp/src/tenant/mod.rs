//! The one tenant network on top of the engine: what its objects are, and what each layer of a port does with a packet.
//!
//! A layer is a file. It has a function for each direction in which it has something to say, takes the [`walk::Walk`]
//! of the packet so far, adds its part of the transposition, or stops the packet. Its place in the pipeline is that of its
//! [`crate::Stage`].

pub(crate) mod acl;
pub(crate) mod encapsulation;
pub(crate) mod guard;
pub(crate) mod network;
pub(crate) mod policy;
pub(crate) mod responder;
pub(crate) mod router;
pub(crate) mod service;
pub(crate) mod walk;
