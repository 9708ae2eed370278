//! The VM's network as the kernel has it: what can be seen of it and done to it.

mod commands;
#[cfg(test)]
pub(crate) mod fake;
mod forwarding;
mod link;

pub use commands::Commands;
pub(crate) use commands::{ask_within, loaded, tables_within};
pub(crate) use link::Link;

use ipnet::Ipv4Net;
use policy::net::MacAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

/// What decisions are based on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Which start of the VM this is.
    pub boot: String,
    /// Ethernet devices, by name.
    pub devices: BTreeMap<String, Device>,
    /// Device of the default route.
    pub default_device: Option<String>,
}

/// One device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its MAC.
    pub mac: MacAddr,
    /// Bytes.
    pub mtu: u32,
    /// Its IPv4 addresses with their prefixes.
    pub addresses: Vec<Ipv4Net>,
}

impl Observed {
    /// The VM's own addresses.
    pub fn addresses(&self) -> BTreeSet<Ipv4Addr> {
        self.devices.values().flat_map(|device| &device.addresses).map(Ipv4Net::addr).collect()
    }
}

/// Why the kernel was not asked or said no.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The program is not there.
    #[error("cannot run '{program}'; install it (package {package})")]
    Missing {
        /// Which.
        program: &'static str,
        /// Debian's name for what holds it.
        package: &'static str,
        /// What went wrong.
        source: io::Error,
    },
    /// The program says no.
    #[error("'{command}' fails: {message}")]
    Refused {
        /// What was run.
        command: String,
        /// What it said.
        message: String,
    },
    /// The program says something else than it should.
    #[error("'{command}' gives an answer that cannot be understood")]
    Answer {
        /// What was run.
        command: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// `/proc` is not there, or a socket cannot be made.
    #[error("cannot {0}")]
    Io(&'static str, #[source] io::Error),
    /// Nobody answers for the router.
    #[error("the router {0} does not answer on {1}; its MAC cannot be learnt")]
    NoNeighbour(Ipv4Addr, String),
}

/// The network of the VM. One implementation runs the usual commands; tests have one that only remembers.
pub trait Kernel: Send + Sync {
    /// What there is now.
    ///
    /// # Errors
    /// Those of the commands.
    fn observe(&self) -> Result<Observed, KernelError>;

    /// Carries out lines of `ip -batch`, up to the first that fails.
    ///
    /// # Errors
    /// Those of the command.
    fn ip(&self, batch: &str) -> Result<(), KernelError>;

    /// Carries out lines of `bridge -batch`, up to the first that fails.
    ///
    /// # Errors
    /// Those of the command.
    fn bridge(&self, batch: &str) -> Result<(), KernelError>;

    /// Makes the VM forward packets of containers, also where a docker engine lets nothing pass but its own.
    ///
    /// # Errors
    /// The setting cannot be written, or docker's filter cannot be changed.
    fn forward(&self) -> Result<(), KernelError>;

    /// The same as [`Kernel::ip`] within the network namespace at `netns`.
    ///
    /// # Errors
    /// Those of the command.
    fn ip_within(&self, netns: &Path, batch: &str) -> Result<(), KernelError>;

    /// Loads an nft script, all or nothing.
    ///
    /// # Errors
    /// Those of the command.
    fn nft(&self, script: &str) -> Result<(), KernelError>;

    /// The data plane's table of family `netdev` as `nft` lists it; nothing if there is none.
    ///
    /// # Errors
    /// The command is not there.
    fn table(&self) -> Result<String, KernelError>;

    /// The same as [`Kernel::nft`] within the network namespace at `netns`.
    ///
    /// # Errors
    /// Those of the command.
    fn nft_within(&self, netns: &Path, script: &str) -> Result<(), KernelError>;

    /// The MAC that frames for `address` are sent to when they leave by `uplink`: its own, or that of the router
    /// which leads to it.
    ///
    /// # Errors
    /// Nobody answers within three seconds.
    fn next_hop(&self, uplink: &str, address: Ipv4Addr) -> Result<MacAddr, KernelError>;
}
