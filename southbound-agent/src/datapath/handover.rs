//! Frames on their way to the host's own service, and answers on their way back.

use crate::datapath::messages::Outgoing;
use crate::datapath::offload::VNET_HEADER;
use crate::datapath::pumps::{Exchange, send_all};
use crate::proxy::service::{Guests, Handover};
use policy::ids::NicId;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use vfp::PortId;

/// Frames of one port that may wait. More than a window of the service's connections takes.
const MOST_WAITING: usize = 64;

/// Head of a frame with complete checksums that is not to be cut.
const PLAIN: [u8; VNET_HEADER] = [0; VNET_HEADER];

/// A frame of a VM for the service.
pub(crate) struct Request {
    nic: NicId,
    frame: Vec<u8>,
    waiting: Arc<AtomicUsize>,
}

impl Request {
    /// `None` when too many wait already.
    pub(super) fn new(nic: NicId, frame: Vec<u8>, waiting: &Arc<AtomicUsize>) -> Option<Self> {
        // One thread adds, another takes away: a bound that is off by what happens meanwhile is a bound all the same.
        let has_room = waiting.load(Ordering::Relaxed) < MOST_WAITING;
        has_room.then(|| {
            waiting.fetch_add(1, Ordering::Relaxed);
            Self { nic, frame, waiting: Arc::clone(waiting) }
        })
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Handover for Request {
    fn nic(&self) -> NicId {
        self.nic
    }

    fn frame(&self) -> &[u8] {
        &self.frame
    }
}

/// The ports' devices, for answers. Does not keep them: when the datapath ends, so does the service that waits for it.
pub(crate) struct Devices(pub(super) Weak<Exchange>);

impl Guests for Devices {
    fn send(&self, nic: NicId, frames: &[Vec<u8>]) {
        let Some(exchange) = self.0.upgrade() else { return };
        let Some(port) = exchange.port(PortId(nic.0.as_u128())) else { return };
        let plain = frames.iter().map(|frame| Outgoing { head: &PLAIN, body: frame, destination: None, segment: None });
        exchange.count_failures(send_all(&port.device, &plain.collect::<Vec<_>>()));
    }
}
