//! Frames in and out: the sockets around the engine, and the one clock.

pub(crate) mod clock;
mod coalesce;
mod device;
pub(crate) mod handover;
mod messages;
pub(crate) mod offload;
mod outbox;
mod poller;
mod pumps;
pub(crate) mod sockets;
mod underlay;

#[cfg(test)]
mod tests;

use policy::ids::NicId;
use serde::Serialize;
use std::io;
use std::net::IpAddr;

/// Address that this host sends from and receives at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Provider {
    pub(crate) address: IpAddr,
    /// Length of its subnet's prefix, if that is known: without it the address is never configured on a device.
    pub(crate) prefix_len: Option<u8>,
}

/// What moves frames between devices, engine and underlay.
pub(crate) trait Datapath: Send {
    /// Frames of `device` are the port's from now on. In the place of the device that the port had.
    ///
    /// # Errors
    /// The device is not there, or cannot be used.
    fn attach(&mut self, port: NicId, device: &str) -> io::Result<()>;

    /// No frame comes or goes at the port any more.
    fn detach(&mut self, port: NicId);

    /// Whether the port's device is still the one that it was attached with.
    fn is_attached(&self, port: NicId) -> bool;

    /// Address of this host on the underlay. If it cannot be used now, it is tried again by [`Self::tend`].
    fn set_provider(&mut self, provider: Option<Provider>);

    /// Work that is due from time to time.
    fn tend(&mut self);

    /// How the underlay is.
    fn underlay(&self) -> Underlay;

    /// Counters by name, for metrics.
    fn counters(&self) -> Vec<(&'static str, u64)>;
}

/// State of the underlay, as `GET /v1/status` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "state")]
pub(crate) enum Underlay {
    /// Frames are not moved, by the settings.
    Off,
    /// No provider address is known.
    Waiting,
    /// Other hosts can be reached.
    Up { address: IpAddr },
    /// The provider address cannot be used.
    Down { address: IpAddr, reason: String },
}

/// The datapath of an agent that moves no frames: policy can be inspected and traced.
#[derive(Debug)]
pub(crate) struct NoDatapath;

impl Datapath for NoDatapath {
    fn attach(&mut self, _: NicId, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn detach(&mut self, _: NicId) {}

    fn is_attached(&self, _: NicId) -> bool {
        true
    }

    fn set_provider(&mut self, _: Option<Provider>) {}

    fn tend(&mut self) {}

    fn underlay(&self) -> Underlay {
        Underlay::Off
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}
