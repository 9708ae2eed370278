//! Host agent: accepts the goal state of one host and enforces it in the virtual switch.
//!
//! ```text
//! api ──► agent ──► ledger          what is held, on disk before it is in force
//!           │
//!           ├──► lower ──► reconcile ──► driver ──► vfp engine
//!           │                                          │
//!           └──► datapath ─────────────────────────────┘   frames of ports and underlay
//! ```

pub mod agent;
pub mod api;
pub mod cli;
pub mod config;
mod datapath;
mod driver;
pub mod events;
pub mod goal_state;
mod journal;
pub mod ledger;
mod lower;
pub mod openapi;
pub mod ports;
pub mod proxy;
mod reconcile;
pub mod startup;
pub mod telemetry;
mod upkeep;

pub use driver::report;
