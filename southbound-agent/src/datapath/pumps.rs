//! The two threads that move frames: read a batch, run it through the engine under its lock, send what came out.

use crate::datapath::clock::Clock;
use crate::datapath::device::{Device, was_tagged};
use crate::datapath::handover::Request;
use crate::datapath::messages::{Outgoing, Slot};
use crate::datapath::offload::Offload;
use crate::datapath::outbox::{Outbox, ReadyFrame};
use crate::datapath::poller::{Poller, WOKEN};
use crate::datapath::underlay::{Underlay, segment_size};
use crate::driver::software::SharedSwitch;
use crate::upkeep::Notice;
use policy::ids::NicId;
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use vfp::{HEADROOM, PortId};

/// Messages that are read at once. Each may hold 64 KiB.
const BATCH: usize = 16;

/// What both threads and their owner share.
pub(super) struct Exchange {
    switch: SharedSwitch,
    clock: Clock,
    ports: Mutex<Ports>,
    underlay: Mutex<Option<Arc<Underlay>>>,
    port_poller: Poller,
    underlay_poller: Poller,
    notices: Mutex<Sender<Notice>>,
    requests: Mutex<Sender<Request>>,
    stopping: AtomicBool,
    pub(super) counts: Counts,
}

/// Ports by the engine's name and by the poller's.
#[derive(Default)]
struct Ports {
    by_id: HashMap<PortId, Arc<Port>>,
    by_token: HashMap<u64, Arc<Port>>,
}

/// A port and its device.
pub(super) struct Port {
    id: PortId,
    profile: NicId,
    token: u64,
    pub(super) device: Device,
    /// Frames of this port that wait for the host's own service.
    waiting: Arc<AtomicUsize>,
}

macro_rules! counts {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// What goes wrong around the engine.
        #[derive(Default)]
        pub(super) struct Counts {
            $($(#[doc = $doc])+ $name: AtomicU64,)+
        }

        impl Counts {
            /// All of them by name.
            pub(super) fn list(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.load(Ordering::Relaxed)),)+]
            }
        }
    };
}

counts! {
    /// Frames with a VLAN tag.
    datapath_tagged,
    /// Frames whose offloads cannot be done.
    datapath_unfinished,
    /// Messages longer than an IP packet.
    datapath_too_long,
    /// Frames that a guest did not take.
    datapath_port_send_failures,
    /// Messages that the underlay did not take.
    datapath_underlay_send_failures,
    /// Messages for the underlay while it was down.
    datapath_underlay_down,
    /// Frames for the host's own service from ports that sent more than it could take.
    datapath_service_overruns,
    /// Errors on reading from devices and the underlay.
    datapath_receive_errors,
    /// Devices that disappeared.
    datapath_devices_gone,
}

fn count(counter: &AtomicU64, number: usize) {
    counter.fetch_add(number as u64, Ordering::Relaxed);
}

/// Holders of these locks cannot panic half-way through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Exchange {
    pub(super) fn new(
        switch: SharedSwitch,
        clock: Clock,
        notices: Sender<Notice>,
        requests: Sender<Request>,
    ) -> io::Result<Self> {
        Ok(Self {
            switch,
            clock,
            ports: Mutex::default(),
            underlay: Mutex::default(),
            port_poller: Poller::new()?,
            underlay_poller: Poller::new()?,
            notices: Mutex::new(notices),
            requests: Mutex::new(requests),
            stopping: AtomicBool::new(false),
            counts: Counts::default(),
        })
    }

    /// Frames of `device` are the port's, in the place of the device it had.
    pub(super) fn add_port(&self, id: PortId, profile: NicId, token: u64, device: Device) -> io::Result<()> {
        let port = Arc::new(Port { id, profile, token, device, waiting: Arc::default() });
        self.remove_port(id);
        let mut ports = lock(&self.ports);
        ports.by_id.insert(id, Arc::clone(&port));
        ports.by_token.insert(token, Arc::clone(&port));
        self.port_poller.add(port.device.as_fd(), token).inspect_err(|_| {
            ports.by_id.remove(&id);
            ports.by_token.remove(&token);
        })
    }

    pub(super) fn remove_port(&self, id: PortId) {
        let mut ports = lock(&self.ports);
        if let Some(port) = ports.by_id.remove(&id) {
            ports.by_token.remove(&port.token);
            self.port_poller.remove(port.device.as_fd());
        }
    }

    pub(super) fn port(&self, id: PortId) -> Option<Arc<Port>> {
        lock(&self.ports).by_id.get(&id).cloned()
    }

    pub(super) fn underlay(&self) -> Option<Arc<Underlay>> {
        lock(&self.underlay).clone()
    }

    /// The sockets to reach other hosts by, in the place of those there were.
    pub(super) fn set_underlay(&self, sockets: Option<Underlay>) -> io::Result<()> {
        let mut underlay = lock(&self.underlay);
        if let Some(old) = underlay.take() {
            self.underlay_poller.remove(old.as_fd());
        }
        if let Some(new) = sockets {
            self.underlay_poller.add(new.as_fd(), 0)?;
            *underlay = Some(Arc::new(new));
        }
        Ok(())
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.port_poller.wake();
        self.underlay_poller.wake();
    }

    /// So many frames could not be given to a guest.
    pub(super) fn count_failures(&self, frames: usize) {
        count(&self.counts.datapath_port_send_failures, frames);
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Reads what guests sent, once from each device that is ready.
    fn pump_ports(&self) {
        let mut slots: Vec<Slot> = (0..BATCH).map(|_| Slot::new(HEADROOM)).collect();
        let (mut outbox, mut scratch, mut ready) = (Outbox::default(), Vec::new(), Vec::new());
        while !self.is_stopping() {
            if let Err(error) = self.port_poller.wait(&mut ready) {
                tracing::error!(%error, "cannot wait for frames of ports");
                return;
            }
            for token in ready.iter().filter(|token| **token != WOKEN) {
                let Some(port) = lock(&self.ports).by_token.get(token).cloned() else { continue };
                match port.device.receive(&mut slots) {
                    Ok(received) => {
                        self.switch_frames(&port, &mut slots[..received], &mut outbox, &mut scratch);
                        self.hand_over(&port, &mut outbox);
                        self.flush(&mut outbox);
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => self.receive_failed(&port, &error),
                }
            }
        }
    }

    fn switch_frames(&self, port: &Port, slots: &mut [Slot], outbox: &mut Outbox, scratch: &mut Vec<u8>) {
        let now = self.clock.now();
        let mut switch = self.switch.lock();
        for slot in slots {
            if was_tagged(slot) {
                count(&self.counts.datapath_tagged, 1);
                continue;
            }
            let offload = Offload::parse(slot.head);
            let Some(buffer) = slot.bytes() else {
                count(&self.counts.datapath_too_long, 1);
                continue;
            };
            let finished = offload.and_then(|offload| {
                // What becomes of the frame is counted by the engine.
                offload.finish(buffer, HEADROOM, scratch, |frame| _ = switch.from_vm(port.id, frame, now, outbox))
            });
            if finished.is_err() {
                count(&self.counts.datapath_unfinished, 1);
            }
        }
    }

    /// Gives what a VM sent to the host's own service to that service, up to a bound for each port: no VM fills the queue
    /// that others wait in.
    fn hand_over(&self, port: &Port, outbox: &mut Outbox) {
        for frame in outbox.take_requests() {
            match Request::new(port.profile, frame, &port.waiting) {
                // Nobody listens any more when the agent ends.
                Some(request) => drop(lock(&self.requests).send(request)),
                None => count(&self.counts.datapath_service_overruns, 1),
            }
        }
    }

    /// A device that is only down comes back by itself.
    fn receive_failed(&self, port: &Port, error: &io::Error) {
        count(&self.counts.datapath_receive_errors, 1);
        if port.device.exists() {
            tracing::warn!(device = port.device.name, %error, "cannot read from the device of a port");
            return;
        }
        count(&self.counts.datapath_devices_gone, 1);
        self.port_poller.remove(port.device.as_fd());
        // Nobody listens any more when the agent ends.
        lock(&self.notices).send(Notice::DeviceGone(port.profile)).ok();
    }

    /// Reads what other hosts sent.
    fn pump_underlay(&self) {
        let mut slots: Vec<Slot> = (0..BATCH).map(|_| Slot::new(0)).collect();
        let (mut outbox, mut ready) = (Outbox::default(), Vec::new());
        while !self.is_stopping() {
            if let Err(error) = self.underlay_poller.wait(&mut ready) {
                tracing::error!(%error, "cannot wait for packets of other hosts");
                return;
            }
            let Some(underlay) = self.underlay() else { continue };
            match underlay.receive(&mut slots) {
                Ok(received) => {
                    self.switch_datagrams(&mut slots[..received], &mut outbox);
                    self.flush(&mut outbox);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => count(&self.counts.datapath_receive_errors, 1),
            }
        }
    }

    fn switch_datagrams(&self, slots: &mut [Slot], outbox: &mut Outbox) {
        let now = self.clock.now();
        let mut switch = self.switch.lock();
        for slot in slots {
            let size = segment_size(slot).unwrap_or(usize::MAX);
            let source: Option<IpAddr> = slot.source();
            match (source, slot.bytes()) {
                (Some(source), Some(bytes)) => {
                    for datagram in bytes.chunks_mut(size) {
                        // What becomes of the frame is counted by the engine.
                        _ = switch.from_underlay(source, datagram, now, outbox);
                    }
                }
                _ => count(&self.counts.datapath_too_long, 1),
            }
        }
    }

    /// Sends what the engine let through, without its lock.
    fn flush(&self, outbox: &mut Outbox) {
        let datagrams = outbox.datagrams();
        if !datagrams.is_empty() {
            match self.underlay() {
                Some(underlay) => {
                    count(&self.counts.datapath_underlay_send_failures, underlay.send(&datagrams));
                }
                None => count(&self.counts.datapath_underlay_down, datagrams.len()),
            }
        }
        for run in outbox.frames().chunk_by(|one, other| one.port == other.port) {
            // A port that has just gone is no failure.
            if let Some(port) = self.port(run[0].port) {
                let frames: Vec<Outgoing<'_>> = run.iter().map(outgoing).collect();
                self.count_failures(send_all(&port.device, &frames));
            }
        }
        outbox.clear();
    }
}

/// Sends everything, and returns how many frames could not be sent.
pub(super) fn send_all(device: &Device, frames: &[Outgoing<'_>]) -> usize {
    let mut failed = 0;
    let mut rest = frames;
    while !rest.is_empty() {
        match device.send(rest) {
            Ok(sent) => rest = &rest[sent.max(1)..],
            Err(_) => {
                failed += 1;
                rest = &rest[1..];
            }
        }
    }
    failed
}

fn outgoing<'a>(frame: &'a ReadyFrame<'_>) -> Outgoing<'a> {
    Outgoing { head: &frame.head, body: frame.bytes, destination: None, segment: None }
}

/// Starts both threads. They end after [`Exchange::stop`].
///
/// # Errors
/// The system has no more threads.
pub(super) fn start(exchange: &Arc<Exchange>) -> io::Result<Vec<JoinHandle<()>>> {
    let (ports, underlay) = (Arc::clone(exchange), Arc::clone(exchange));
    Ok(vec![
        thread::Builder::new().name("ports".to_owned()).spawn(move || ports.pump_ports())?,
        thread::Builder::new().name("underlay".to_owned()).spawn(move || underlay.pump_underlay())?,
    ])
}
