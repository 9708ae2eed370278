//! The datapath of Linux hosts: packet sockets on the ports' devices, UDP on the underlay, and two threads around the
//! engine, one for each side.

use crate::datapath::clock::Clock;
use crate::datapath::device::Device;
use crate::datapath::handover::{Devices, Request};
use crate::datapath::pumps::{self, Exchange};
use crate::datapath::underlay::{self, Underlay as UnderlaySockets};
use crate::datapath::{Datapath, Provider, Underlay};
use crate::driver::software::SharedSwitch;
use crate::upkeep::Notice;
use policy::ids::NicId;
use std::io;
use std::mem;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use vfp::PortId;

/// Sockets and threads.
pub(crate) struct Sockets {
    exchange: Arc<Exchange>,
    threads: Vec<JoinHandle<()>>,
    underlay_device: Option<String>,
    provider: Option<Provider>,
    /// Why the provider address cannot be used.
    down: Option<String>,
    next_token: u64,
}

impl Sockets {
    /// Starts the threads. Frames for the host's own service go to `requests`.
    ///
    /// # Errors
    /// The system has no more threads or descriptors.
    pub(crate) fn start(
        switch: SharedSwitch,
        clock: Clock,
        underlay_device: Option<String>,
        notices: Sender<Notice>,
        requests: Sender<Request>,
    ) -> io::Result<Self> {
        let exchange = Arc::new(Exchange::new(switch, clock, notices, requests)?);
        let threads = pumps::start(&exchange)?;
        Ok(Self { exchange, threads, underlay_device, provider: None, down: None, next_token: 0 })
    }

    /// The way back to guests for the host's own service.
    pub(crate) fn devices(&self) -> Devices {
        Devices(Arc::downgrade(&self.exchange))
    }

    fn open_underlay(&mut self) {
        let Some(provider) = self.provider else { return };
        match UnderlaySockets::open(provider, self.underlay_device.as_deref()) {
            Ok(sockets) => {
                tracing::info!(address = %provider.address, "underlay is up");
                self.down = self.exchange.set_underlay(Some(sockets)).err().map(|error| error.to_string());
            }
            Err(error) => {
                let reason = error.to_string();
                if self.down.as_ref() != Some(&reason) {
                    tracing::error!(address = %provider.address, reason, "underlay is down; trying again from time to time");
                }
                self.down = Some(reason);
            }
        }
    }
}

impl Datapath for Sockets {
    fn attach(&mut self, port: NicId, device: &str) -> io::Result<()> {
        let device = Device::open(device)?;
        self.next_token += 1;
        self.exchange.add_port(id(port), port, self.next_token, device)
    }

    fn detach(&mut self, port: NicId) {
        self.exchange.remove_port(id(port));
    }

    fn is_attached(&self, port: NicId) -> bool {
        self.exchange.port(id(port)).is_some_and(|port| port.device.is_current())
    }

    fn set_provider(&mut self, provider: Option<Provider>) {
        if self.provider == provider {
            return;
        }
        let address = |provider: Option<Provider>| provider.map(|provider| provider.address);
        if address(self.provider) != address(provider) {
            // Closing cannot fail in a way that matters.
            self.exchange.set_underlay(None).ok();
            if let (Some(old), Some(device)) = (self.provider, &self.underlay_device)
                && let Err(error) = underlay::remove_address(old, device)
            {
                tracing::warn!(address = %old.address, device, %error, "the old provider address is still there");
            }
        }
        self.provider = provider;
        self.down = None;
        if self.exchange.underlay().is_none() {
            self.open_underlay();
        }
    }

    fn tend(&mut self) {
        if let Some(sockets) = self.exchange.underlay()
            && let Err(error) = sockets.check()
        {
            self.down = Some(error.to_string());
            // Closing cannot fail in a way that matters.
            self.exchange.set_underlay(None).ok();
        }
        if self.down.is_some() {
            self.open_underlay();
        }
    }

    fn underlay(&self) -> Underlay {
        match (self.provider, &self.down) {
            (None, _) => Underlay::Waiting,
            (Some(Provider { address, .. }), None) => Underlay::Up { address },
            (Some(Provider { address, .. }), Some(reason)) => Underlay::Down { address, reason: reason.clone() },
        }
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        self.exchange.counts.list()
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        self.exchange.stop();
        for thread in mem::take(&mut self.threads) {
            thread.join().ok();
        }
    }
}

fn id(port: NicId) -> PortId {
    PortId(port.0.as_u128())
}
