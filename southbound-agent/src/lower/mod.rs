//! From goal states to the engine's terms. Pure.
//!
//! [`index::Index`] knows which objects of the engine a goal state needs and which of them a change touches;
//! [`goal::Goal`] says what each object has to be.

mod acl;
pub(crate) mod goal;
pub(crate) mod index;
pub(crate) mod network;
pub(crate) mod port;
mod tag;

#[cfg(test)]
mod tests;
