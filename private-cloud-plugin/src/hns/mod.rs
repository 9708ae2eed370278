//! Networks and endpoints of the five drivers as documents for the Windows Host Network Service.
//!
//! Pure functions from what is wanted ([`spec`], [`options`]) to documents of version 2 ([`render`]) and of version 1, as
//! docker on Windows sends them ([`v1`]).

pub mod command;
pub mod endpoint;
pub mod json;
pub mod network;
pub mod options;
pub mod policy;
pub mod render;
pub mod spec;
#[cfg(test)]
mod tests;
pub mod v1;
