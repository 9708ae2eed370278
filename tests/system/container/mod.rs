//! Containers inside tenant VMs, on real packets: what the connectivity statements say of each driver, what a real docker
//! engine does with the plugin, and what the host's network proxy answers to whom.
//!
//! Statements about connectivity are functions whose names start with their number, `c01_…` to `c19_…`; those about firewall
//! defaults `f01_…` to `f27_…`. `docs/containers.md` lists them.

mod cable;
mod cni;
mod docker;
mod docker_drivers;
mod firewall;
mod install;
mod l2bridge;
mod l2tunnel;
mod nat;
mod node;
mod overlay;
mod proxy;
mod scene;
mod sdn_port;
mod survival;
mod transparent;
