//! Ports of the VM that lead to containers.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A port of the VM that leads to a container: docker's `--publish`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PublishedPort {
    /// Of both ports.
    pub protocol: Transport,
    /// The VM's.
    pub external: u16,
    /// The container's.
    pub internal: u16,
}

impl PublishedPort {
    /// What can be published only once.
    pub fn outside(&self) -> (Transport, u16) {
        (self.protocol, self.external)
    }
}

/// Protocols that have ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// 6.
    Tcp,
    /// 17.
    Udp,
}

impl Transport {
    /// The protocol's number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}
