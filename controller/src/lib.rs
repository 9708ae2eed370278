//! Network controller: accepts tenants' intent over REST, keeps it, compiles it, and pushes it to the hosts.
//!
//! A write goes `api` → `engine` (decides) → `store` (keeps) → `compiler` (what each host must enforce) → `push`.
//! A read goes `api` → the engine's published snapshot, and nowhere else.

pub mod api;
pub mod compiler;
pub mod config;
pub mod enforcement;
pub mod engine;
pub mod error;
pub mod fabric;
pub mod openapi;
pub mod push;
pub mod resources;
pub mod startup;
pub mod store;
pub mod telemetry;
