//! Settings of the engine, and its bounds.

use crate::tenant::acl::WithoutAcl;
use std::net::IpAddr;
use std::time::Duration;

/// Settings of the engine.
#[derive(Clone, Debug)]
pub struct Config {
    /// Our own address on the underlay; until it is set, only ports of this host reach each other.
    pub provider_address: Option<IpAddr>,
    /// Verdicts for ports without any list.
    pub without_acl: WithoutAcl,
    /// Bounds of memory and lifetimes of flows.
    pub limits: Limits,
    /// Keep composed transpositions. Off, every packet walks all layers: slower, with the same verdicts.
    pub unified_flows: bool,
    /// Any number that tenants cannot guess; keeps them from choosing flows that collide in the flow table.
    pub hash_seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            provider_address: None,
            without_acl: WithoutAcl::default(),
            limits: Limits::default(),
            unified_flows: true,
            hash_seed: 0,
        }
    }
}

/// Bounds. The numbers are those that Microsoft's own settings use, as far as they are public (`vfp.md` 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most flows of one port.
    pub flows_per_port: u32,
    /// Most TCP connections of one port that have not finished their handshake.
    pub half_open_per_port: u32,
    /// Life of an idle flow.
    pub idle: Duration,
    /// Life of an idle TCP connection that has not finished its handshake.
    pub half_open: Duration,
    /// Life of a TCP connection after both sides closed it, or one side reset it.
    pub time_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            flows_per_port: 500_000,
            half_open_per_port: 100_000,
            idle: Duration::from_secs(240),
            half_open: Duration::from_secs(240),
            time_wait: Duration::from_secs(240),
        }
    }
}
