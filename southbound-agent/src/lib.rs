//! Host agent: accepts the goal state of one host and enforces it in the virtual switch.

pub mod config;
mod datapath;
mod driver;
pub mod events;
pub mod goal_state;
mod journal;
pub mod ledger;
mod lower;
pub mod ports;
mod reconcile;
