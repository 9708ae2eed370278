//! Parts to build a fabric of: the real controller and agents as processes, hosts and VMs as network namespaces.
//!
//! [`fabric::on_fabric`] is where a datapath test starts; [`controller::ControllerProcess`] alone is enough for tests of
//! the northbound API. The lab of `cargo xtask lab` is built from the same parts.
//!
//! Nothing here sleeps for a fixed time: [`wait::until`] asks again until a state is reached or a deadline passes.

pub mod agent;
pub mod ask;
pub mod binaries;
pub mod capture;
mod control_groups;
pub mod controller;
pub mod docker;
pub mod documents;
pub mod error;
pub mod fabric;
pub mod frames;
pub mod guest;
pub mod iperf;
pub mod namespace;
pub mod ping;
pub mod plugin;
pub mod probe;
pub mod process;
pub mod raw;
pub mod rest;
pub mod support;
pub mod vm;
pub mod wait;

pub use error::{Error, Result};
