//! Attaching and detaching ports.

use crate::agent::Agent;
use crate::agent::core::Core;
use crate::driver::Key;
use crate::lower::port;
use crate::ports::{AttachRefusal, Attachment, Attachments, PortChange};
use policy::ids::{AttachId, NicId};
use policy::report::{AttachPort, PortStatus};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{MutexGuard, PoisonError};
use std::{io, mem};
use uuid::Uuid;

/// Why a port is not attached, or not detached.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// The request makes no sense.
    #[error(transparent)]
    Refused(#[from] AttachRefusal),
    /// The device is not there, or cannot be used.
    #[error("cannot use device '{device}'")]
    Device {
        /// The device.
        device: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no such port.
    #[error("no port with profile id {0} is attached")]
    NotAttached(NicId),
    /// The change cannot be made durable.
    #[error("cannot write the change to the state directory")]
    Storage(#[source] io::Error),
}

/// What a request to attach comes to: the port, and whether the attachment is new.
type Attached = Result<(PortStatus, bool), PortError>;

/// A request that waits for the agent's lock, and who waits for the answer.
pub(super) struct Arrival {
    request: AttachPort,
    answer: SyncSender<Attached>,
}

/// A request whose frames come already, and whose attachment is not on disk yet.
struct Staged {
    arrival: Arrival,
    change: PortChange,
    /// Device that the port had before.
    earlier: Option<String>,
}

impl Agent {
    /// Attaches a device. Says whether that is new: the same request again changes nothing.
    ///
    /// A host that starts many VMs at once sends many requests: whoever gets the lock carries out all that wait, with one
    /// write to disk.
    ///
    /// # Errors
    /// [`PortError`]; nothing changed then.
    pub fn attach(&self, request: &AttachPort) -> Attached {
        let (answer, answered) = mpsc::sync_channel(1);
        self.arrivals().push(Arrival { request: request.clone(), answer });
        {
            let mut core = self.core();
            let mut waiting = mem::take(&mut *self.arrivals());
            while !waiting.is_empty() {
                waiting = core.attach_together(waiting);
            }
        }
        // The answer came before the lock was free; only a panic of its holder leaves none.
        answered.recv().map_err(|_| PortError::Storage(io::Error::other("the attachment was given up")))?
    }

    fn arrivals(&self) -> MutexGuard<'_, Vec<Arrival>> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Detaches a port; if `device` is given, only from that device.
    ///
    /// # Errors
    /// [`PortError`]
    pub fn detach(&self, profile: NicId, device: Option<&str>) -> Result<PortStatus, PortError> {
        let mut core = self.core();
        let found = self.log.port(profile).filter(|port| device.is_none_or(|device| port.device == device));
        let status = found.ok_or(PortError::NotAttached(profile))?;
        let change = PortChange::Detach(status.attach_id);
        let inner = &mut *core;
        if let Err(error) = inner.ledger.record_port(&change, &inner.ports) {
            inner.totals.storage_failures += 1;
            return Err(PortError::Storage(error));
        }
        core.detach(profile, status.attach_id);
        Ok(status)
    }

    /// The device of a port is gone, so the VM is. If the port has another device by now, nothing happens.
    pub(crate) fn device_gone(&self, profile: NicId) {
        self.core().drop_if_gone(profile);
    }
}

impl Core {
    /// Attaches what can be attached together. Returns requests for a profile or a device that one before them is about.
    fn attach_together(&mut self, arrivals: Vec<Arrival>) -> Vec<Arrival> {
        let (mut staged, mut later) = (Vec::<Staged>::new(), Vec::new());
        for arrival in arrivals {
            let AttachPort { device, profile_id, .. } = &arrival.request;
            let mut before = staged.iter().map(|staged| &staged.arrival.request);
            if before.any(|before| before.device == *device || before.profile_id == *profile_id) {
                later.push(arrival);
                continue;
            }
            match self.stage(&arrival.request) {
                Ok(Some((change, earlier))) => staged.push(Staged { arrival, change, earlier }),
                Ok(None) => self.answer(&arrival, false),
                Err(error) => arrival.finish(Err(error)),
            }
        }
        if staged.is_empty() {
            return later;
        }
        match self.ledger.record_ports(staged.iter().map(|staged| &staged.change), &self.ports) {
            Ok(()) => {
                let keys = staged.iter().map(|staged| Key::Port(port::id(staged.arrival.request.profile_id))).collect();
                let arrivals: Vec<Arrival> = staged.into_iter().map(|staged| staged.commit(&mut self.ports)).collect();
                self.enforce(keys);
                arrivals.iter().for_each(|arrival| self.answer(arrival, true));
            }
            Err(error) => {
                self.totals.storage_failures += 1;
                staged.into_iter().for_each(|staged| self.unstage(staged, &error));
            }
        }
        later
    }

    /// Lets the frames of the device in: as long as no policy is programmed, they find no port in the engine and are
    /// dropped. `None` when the port is attached just so.
    fn stage(&mut self, request: &AttachPort) -> Result<Option<(PortChange, Option<String>)>, PortError> {
        let AttachPort { profile_id, device, .. } = request;
        // A device may have gone and come back under its name before we heard of it.
        self.drop_if_gone(*profile_id);
        let Some(change) = self.ports.judge(request, AttachId(Uuid::new_v4()))? else { return Ok(None) };
        let earlier = self.ports.get(*profile_id).map(|port| port.device.clone());
        let unusable = |source| PortError::Device { device: device.clone(), source };
        self.datapath.attach(*profile_id, device).map_err(unusable)?;
        Ok(Some((change, earlier)))
    }

    fn unstage(&mut self, staged: Staged, error: &io::Error) {
        let Staged { arrival, change: _, earlier } = staged;
        let profile = arrival.request.profile_id;
        match earlier.map(|device| self.datapath.attach(profile, &device)) {
            Some(Ok(())) => {}
            None | Some(Err(_)) => self.datapath.detach(profile),
        }
        arrival.finish(Err(PortError::Storage(io::Error::new(error.kind(), error.to_string()))));
    }

    fn answer(&self, arrival: &Arrival, is_new: bool) {
        let profile = arrival.request.profile_id;
        let status = self.status_of(profile).ok_or(PortError::NotAttached(profile));
        arrival.finish(status.map(|status| (status, is_new)));
    }

    fn drop_if_gone(&mut self, profile: NicId) {
        let attached = self.ports.get(profile).filter(|_| !self.datapath.is_attached(profile));
        if let Some(Attachment { attach_id, device, .. }) = attached.cloned() {
            tracing::warn!(port = %profile, device, "the device of a port is gone; the port is detached");
            self.lose(profile, attach_id);
        }
    }
}

impl Staged {
    /// The attachment is on disk.
    fn commit(self, ports: &mut Attachments) -> Arrival {
        ports.apply(self.change);
        self.arrival
    }
}

impl Arrival {
    fn finish(&self, attached: Attached) {
        // Who asked may have gone.
        self.answer.send(attached).ok();
    }
}
