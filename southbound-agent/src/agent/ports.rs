//! Attaching and detaching ports.

use crate::agent::Agent;
use crate::agent::core::Core;
use crate::driver::Key;
use crate::lower::port;
use crate::ports::{AttachRefusal, Attachment, PortChange};
use policy::ids::{AttachId, NicId};
use policy::report::{AttachPort, PortStatus};
use std::collections::BTreeSet;
use std::io;
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

impl Agent {
    /// Attaches a device. Says whether that is new: the same request again changes nothing.
    ///
    /// # Errors
    /// [`PortError`]; nothing changed then.
    pub fn attach(&self, request: &AttachPort) -> Result<(PortStatus, bool), PortError> {
        let profile = request.profile_id;
        let mut core = self.core();
        // A device may have gone and come back under its name before we heard of it.
        core.drop_if_gone(profile);
        let change = core.ports.judge(request, AttachId(Uuid::new_v4()))?;
        let created = change.is_some();
        if let Some(change) = change {
            // Frames that come before the policy is programmed find no port in the engine and are dropped.
            let earlier = core.ports.get(profile).map(|port| port.device.clone());
            let device = |source| PortError::Device { device: request.device.clone(), source };
            core.datapath.attach(profile, &request.device).map_err(device)?;
            let core = &mut *core;
            if let Err(error) = core.ledger.record_port(&change, &core.ports) {
                core.totals.storage_failures += 1;
                match earlier.map(|device| core.datapath.attach(profile, &device)) {
                    Some(Ok(())) => {}
                    None | Some(Err(_)) => core.datapath.detach(profile),
                }
                return Err(PortError::Storage(error));
            }
            core.ports.apply(change);
            core.enforce(BTreeSet::from([Key::Port(port::id(profile))]));
        }
        let status = self.log.port(profile).ok_or(PortError::NotAttached(profile))?;
        Ok((status, created))
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
    fn drop_if_gone(&mut self, profile: NicId) {
        let attached = self.ports.get(profile).filter(|_| !self.datapath.is_attached(profile));
        if let Some(Attachment { attach_id, device, .. }) = attached.cloned() {
            tracing::warn!(port = %profile, device, "the device of a port is gone; the port is detached");
            self.lose(profile, attach_id);
        }
    }
}
