//! Network devices that are attached as VM ports. Pure; the ledger makes changes durable.

use policy::ids::{AttachId, NicId, VmId};
use policy::net::MacAddr;
use policy::report::AttachPort;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One VM port of this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// Profile id that the port carries.
    pub profile_id: NicId,
    /// Made when the port was attached; survives restarts of the agent.
    pub attach_id: AttachId,
    /// Network device.
    pub device: String,
    /// MAC of the VM as the host knows it.
    pub mac: MacAddr,
    /// The VM, if the host said which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vm: Option<VmId>,
}

/// All attached ports, at most one for each profile id and each device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachments(BTreeMap<NicId, Attachment>);

/// One durable change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PortChange {
    /// In the place of an earlier attachment of the same profile id.
    Attach(Attachment),
    /// The attachment goes.
    Detach(AttachId),
}

/// Why a port cannot be attached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttachRefusal {
    /// Linux limits names to 15 bytes, and some characters would make paths of them.
    #[error("'{0}' is no name of a network device")]
    BadDevice(String),
    /// A port has an address of its own.
    #[error("{0} is no unicast MAC address")]
    BadMac(MacAddr),
    /// Detach the device from there first.
    #[error("device '{device}' is already attached for profile {profile}")]
    DeviceInUse {
        /// The device.
        device: String,
        /// Who has it.
        profile: NicId,
    },
}

impl Attachments {
    /// Every attachment, by profile id.
    pub fn iter(&self) -> impl Iterator<Item = &Attachment> {
        self.0.values()
    }

    /// The attachment of the profile.
    pub fn get(&self, profile: NicId) -> Option<&Attachment> {
        self.0.get(&profile)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What `request` changes; `None` when the port is attached just so. The same profile on another device or with
    /// another MAC is a new attachment: the VM was started again.
    ///
    /// # Errors
    /// [`AttachRefusal`]
    pub fn judge(&self, request: &AttachPort, new_id: AttachId) -> Result<Option<PortChange>, AttachRefusal> {
        let AttachPort { device, profile_id, mac, vm } = request;
        if !is_device_name(device) {
            return Err(AttachRefusal::BadDevice(device.clone()));
        }
        if mac.is_multicast() || mac.to_u64() == 0 {
            return Err(AttachRefusal::BadMac(*mac));
        }
        if let Some(other) = self.iter().find(|other| other.device == *device && other.profile_id != *profile_id) {
            return Err(AttachRefusal::DeviceInUse { device: device.clone(), profile: other.profile_id });
        }
        if self.get(*profile_id).is_some_and(|held| held.device == *device && held.mac == *mac && held.vm == *vm) {
            return Ok(None);
        }
        let (profile_id, device, mac, vm) = (*profile_id, device.clone(), *mac, *vm);
        Ok(Some(PortChange::Attach(Attachment { profile_id, attach_id: new_id, device, mac, vm })))
    }

    /// Carries out `change`. A detachment of an attachment that is not there, or was replaced, does nothing.
    pub fn apply(&mut self, change: PortChange) {
        match change {
            PortChange::Attach(attachment) => drop(self.0.insert(attachment.profile_id, attachment)),
            PortChange::Detach(id) => self.0.retain(|_, held| held.attach_id != id),
        }
    }
}

fn is_device_name(name: &str) -> bool {
    let printable = name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b':');
    (1..=15).contains(&name.len()) && printable && name != "." && name != ".."
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn request(device: &str, profile: u128, mac: u64) -> AttachPort {
        let profile_id = NicId(Uuid::from_u128(profile));
        AttachPort { device: device.to_owned(), profile_id, mac: MacAddr::from_u64(mac), vm: None }
    }

    fn attach(ports: &mut Attachments, request: &AttachPort, id: u128) -> bool {
        let change = ports.judge(request, AttachId(Uuid::from_u128(id))).unwrap();
        let changed = change.is_some();
        change.into_iter().for_each(|change| ports.apply(change));
        changed
    }

    #[test]
    fn attaching_again_keeps_the_attachment_and_a_new_device_replaces_it() {
        let mut ports = Attachments::default();
        assert!(attach(&mut ports, &request("tap0", 1, 2), 10));
        assert!(!attach(&mut ports, &request("tap0", 1, 2), 11));
        assert!(attach(&mut ports, &request("tap1", 1, 2), 12));
        let profile = NicId(Uuid::from_u128(1));
        assert_eq!(ports.get(profile).unwrap().attach_id, AttachId(Uuid::from_u128(12)));

        ports.apply(PortChange::Detach(AttachId(Uuid::from_u128(10))));
        assert_eq!(ports.len(), 1, "a late detachment of the old attachment leaves the new one alone");
        ports.apply(PortChange::Detach(AttachId(Uuid::from_u128(12))));
        assert!(ports.is_empty());
    }

    #[test]
    fn requests_that_make_no_sense_are_refused() {
        let mut ports = Attachments::default();
        attach(&mut ports, &request("tap0", 1, 2), 10);
        let id = AttachId(Uuid::from_u128(11));
        for device in ["", "a-name-that-is-too-long", "a/b", "a b", "..", "tap\n", "eth0:1"] {
            let refusal = ports.judge(&request(device, 2, 2), id).unwrap_err();
            assert_eq!(refusal, AttachRefusal::BadDevice(device.to_owned()));
        }
        for mac in [0, 0x0100_0000_0000, 0xffff_ffff_ffff] {
            let refusal = ports.judge(&request("tap1", 2, mac), id).unwrap_err();
            assert_eq!(refusal, AttachRefusal::BadMac(MacAddr::from_u64(mac)));
        }
        assert!(matches!(ports.judge(&request("tap0", 2, 2), id), Err(AttachRefusal::DeviceInUse { .. })));
    }
}
