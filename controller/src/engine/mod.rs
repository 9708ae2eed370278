//! Decides what a write means, and publishes the outcome.
//!
//! Everything that is stored is also in memory, as an immutable [`world::World`]. Reads take the published one and never
//! wait. Writes queue at one task, which judges each against the world that the one before it left behind (`evaluate`, pure),
//! has the store keep a whole batch in one transaction, publishes, and answers.

mod bindings;
pub mod claims;
mod key;
pub mod ledger;
pub mod reading;
mod rendering;
pub mod world;
