//! Which host carries the port of which NIC.
//!
//! Hosts report attachments. During a live migration two hosts report one NIC; the attachment that came last wins, and an
//! attachment keeps its place in that order when its host repeats it.

use imbl::{OrdMap, OrdSet};
use policy::ids::{AttachId, HostId, NicId};

/// One attachment of a NIC's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attachment {
    pub(crate) host: HostId,
    /// Later attachments have higher numbers.
    pub(crate) sequence: u64,
}

/// All attachments, persistent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bindings {
    attachments: OrdMap<(NicId, AttachId), Attachment>,
    by_host: OrdSet<(HostId, NicId, AttachId)>,
    /// NICs by the host that carries them.
    carried: OrdSet<(HostId, NicId)>,
}

const FIRST: AttachId = AttachId(uuid::Uuid::nil());
const LAST: AttachId = AttachId(uuid::Uuid::max());

impl Bindings {
    pub(crate) fn host_of(&self, nic: NicId) -> Option<HostId> {
        let attachments = self.attachments.range((nic, FIRST)..=(nic, LAST));
        attachments.max_by_key(|(_, attachment)| attachment.sequence).map(|(_, attachment)| attachment.host)
    }

    pub(crate) fn nics_on(&self, host: HostId) -> impl Iterator<Item = NicId> + use<'_> {
        let (first, last) = (NicId(uuid::Uuid::nil()), NicId(uuid::Uuid::max()));
        self.carried.range((host, first)..=(host, last)).map(|&(_, nic)| nic)
    }

    pub(crate) fn get(&self, nic: NicId, attach: AttachId) -> Option<Attachment> {
        self.attachments.get(&(nic, attach)).copied()
    }

    /// Attachments that a host has reported.
    pub(crate) fn reported_by(&self, host: HostId) -> impl Iterator<Item = (NicId, AttachId)> + use<'_> {
        let (first, last) = ((NicId(uuid::Uuid::nil()), FIRST), (NicId(uuid::Uuid::max()), LAST));
        self.by_host.range((host, first.0, first.1)..=(host, last.0, last.1)).map(|&(_, nic, attach)| (nic, attach))
    }

    /// Every attachment.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (NicId, AttachId, Attachment)> + use<'_> {
        self.attachments.iter().map(|(&(nic, attach), &attachment)| (nic, attach, attachment))
    }

    pub(crate) fn attach(&mut self, nic: NicId, attach: AttachId, attachment: Attachment) {
        self.change(nic, |bindings| {
            if let Some(before) = bindings.attachments.insert((nic, attach), attachment) {
                bindings.by_host.remove(&(before.host, nic, attach));
            }
            bindings.by_host.insert((attachment.host, nic, attach));
        });
    }

    pub(crate) fn detach(&mut self, nic: NicId, attach: AttachId) {
        self.change(nic, |bindings| {
            if let Some(before) = bindings.attachments.remove(&(nic, attach)) {
                bindings.by_host.remove(&(before.host, nic, attach));
            }
        });
    }

    fn change(&mut self, nic: NicId, apply: impl FnOnce(&mut Self)) {
        if let Some(host) = self.host_of(nic) {
            self.carried.remove(&(host, nic));
        }
        apply(self);
        if let Some(host) = self.host_of(nic) {
            self.carried.insert((host, nic));
        }
    }
}
