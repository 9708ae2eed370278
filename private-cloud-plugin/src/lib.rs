//! The guest side of container networking: what runs inside a tenant VM so that its containers use the addresses that
//! the controller gave to the VM's NIC.
//!
//! Start with [`vm::Vm`]: everything that changes the VM goes through it, whoever asks (docker or a CNI runtime).
//!
//! On Windows docker and HNS do that work; there this crate is [`hns`], the documents of networks, and [`hcn`], which applies
//! them.

#[cfg(unix)]
pub mod book;
#[cfg(unix)]
pub mod cli;
#[cfg(unix)]
pub mod cni;
#[cfg(unix)]
pub mod docker;
pub mod firewall;
pub mod hcn;
pub mod hns;
#[cfg(unix)]
pub mod install;
#[cfg(unix)]
pub mod kernel;
pub mod network;
#[cfg(unix)]
pub mod offer;
#[cfg(unix)]
pub mod proxy;
#[cfg(test)]
mod snapshot;
#[cfg(unix)]
pub mod state;
#[cfg(unix)]
pub mod store;
#[cfg(unix)]
pub mod table;
#[cfg(unix)]
pub mod telemetry;
#[cfg(unix)]
pub mod vm;
