//! The guest side of container networking: what runs inside a tenant VM so that its containers use the addresses that
//! the controller gave to the VM's NIC.
//!
//! Start with [`vm::Vm`]: everything that changes the VM goes through it, whoever asks (docker or a CNI runtime).

pub mod book;
pub mod cli;
pub mod cni;
pub mod docker;
pub mod firewall;
pub mod hcn;
pub mod hns;
pub mod kernel;
pub mod network;
pub mod offer;
pub mod proxy;
#[cfg(test)]
mod snapshot;
pub mod state;
pub mod store;
pub mod table;
pub mod telemetry;
pub mod vm;
