//! What changed on the ports, for `GET /v1/events`: the newest change of each port, in order.

use policy::ids::{AttachId, NicId};
use policy::report::{Events, PortStatus};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use uuid::Uuid;

/// Detachments that are remembered for callers that are behind. Ports need no limit: each has one entry.
const REMEMBERED_DETACHMENTS: usize = 4096;

/// All ports that are attached, and the order in which they came, changed and went.
///
/// A caller asks for what is newer than the sequence number it saw last. Only the newest change of a port is kept, so a
/// caller that is far behind reads each port once, not its history.
///
/// The log has a lock of its own, held for moments only: whoever reads it never waits for an update to get in force.
#[derive(Debug)]
pub struct EventLog {
    instance: Uuid,
    sequence: watch::Sender<u64>,
    contents: Mutex<Contents>,
}

#[derive(Debug, Default)]
struct Contents {
    /// Number of the newest change.
    sequence: u64,
    ports: HashMap<NicId, (u64, PortStatus)>,
    changes: BTreeMap<u64, Change>,
    /// Sequence numbers of the remembered detachments.
    detachments: VecDeque<u64>,
    /// Whoever has seen less than this missed a detachment that is forgotten.
    floor: u64,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Port(NicId),
    Detached(AttachId),
}

impl EventLog {
    /// An empty log. `instance` is new in each run of the agent, since sequence numbers start again.
    pub fn new(instance: Uuid) -> Self {
        Self { instance, sequence: watch::Sender::new(0), contents: Mutex::default() }
    }

    /// Nothing that is done under this lock can panic half-way.
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes whenever there is something new.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.sequence.subscribe()
    }

    /// Status of every attached port, ordered by profile id.
    pub fn ports(&self) -> Vec<PortStatus> {
        self.contents().ports()
    }

    /// Status of one port.
    pub fn port(&self, profile: NicId) -> Option<PortStatus> {
        self.contents().ports.get(&profile).map(|(_, status)| status.clone())
    }

    /// Records `status`. Returns whether it was news. Another attachment of the same profile ends the earlier one.
    pub fn report(&self, status: PortStatus) -> bool {
        let news = self.contents().report(status);
        self.announce();
        news
    }

    /// Records that the port's attachment is gone.
    pub fn detached(&self, profile: NicId) {
        self.contents().detached(profile);
        self.announce();
    }

    /// Wakes callers up, outside of the lock.
    fn announce(&self) {
        let newest = self.contents().sequence;
        self.sequence.send_if_modified(|sequence| std::mem::replace(sequence, newest.max(*sequence)) < newest);
    }

    /// What is newer than `after` of `instance`, or everything if that cannot be said.
    pub fn since(&self, instance: Option<Uuid>, after: u64) -> Events {
        let contents = self.contents();
        let known = instance == Some(self.instance) && (contents.floor..=contents.sequence).contains(&after);
        let (ports, detached) = match known {
            true => contents.since(after),
            false => (contents.ports(), Vec::new()),
        };
        Events { instance: self.instance, sequence: contents.sequence, snapshot: !known, ports, detached }
    }
}

impl Contents {
    fn ports(&self) -> Vec<PortStatus> {
        let mut ports: Vec<_> = self.ports.values().map(|(_, status)| status.clone()).collect();
        ports.sort_unstable_by_key(|status| status.profile_id);
        ports
    }

    fn report(&mut self, status: PortStatus) -> bool {
        let profile = status.profile_id;
        match self.ports.get(&profile) {
            Some((_, known)) if *known == status => return false,
            Some((_, known)) if known.attach_id != status.attach_id => self.detached(profile),
            _ => {}
        }
        let sequence = self.next(Change::Port(profile));
        if let Some((earlier, _)) = self.ports.insert(profile, (sequence, status)) {
            self.changes.remove(&earlier);
        }
        true
    }

    fn detached(&mut self, profile: NicId) {
        let Some((earlier, status)) = self.ports.remove(&profile) else { return };
        self.changes.remove(&earlier);
        let sequence = self.next(Change::Detached(status.attach_id));
        self.detachments.push_back(sequence);
        if self.detachments.len() > REMEMBERED_DETACHMENTS
            && let Some(oldest) = self.detachments.pop_front()
        {
            self.changes.remove(&oldest);
            self.floor = oldest;
        }
    }

    fn next(&mut self, change: Change) -> u64 {
        self.sequence += 1;
        self.changes.insert(self.sequence, change);
        self.sequence
    }

    fn since(&self, after: u64) -> (Vec<PortStatus>, Vec<AttachId>) {
        let (mut ports, mut detached) = (Vec::new(), Vec::new());
        for change in self.changes.range(after + 1..).map(|(_, change)| change) {
            match change {
                Change::Port(profile) => ports.extend(self.ports.get(profile).map(|(_, status)| status.clone())),
                Change::Detached(attach_id) => detached.push(*attach_id),
            }
        }
        (ports, detached)
    }
}

/// Whether a caller has to wait for more.
pub fn has_news(events: &Events) -> bool {
    events.snapshot || !events.ports.is_empty() || !events.detached.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::net::MacAddr;
    use policy::report::PortResult;

    fn status(profile: u128, attach: u128, result: PortResult) -> PortStatus {
        PortStatus {
            profile_id: NicId(Uuid::from_u128(profile)),
            attach_id: AttachId(Uuid::from_u128(attach)),
            device: "veth0".to_owned(),
            mac: MacAddr::from_u64(1),
            result,
        }
    }

    fn log() -> EventLog {
        EventLog::new(Uuid::from_u128(7))
    }

    #[test]
    fn a_caller_reads_each_change_once() {
        let log = log();
        let instance = Some(Uuid::from_u128(7));
        assert!(log.report(status(1, 1, PortResult::PortBlocked)));
        assert!(!log.report(status(1, 1, PortResult::PortBlocked)), "a repetition is no news");
        log.report(status(2, 2, PortResult::PortBlocked));
        let first = log.since(instance, 0);
        assert_eq!((first.sequence, first.ports.len(), first.snapshot), (2, 2, false));

        log.report(status(1, 1, PortResult::Success));
        let second = log.since(instance, first.sequence);
        assert_eq!(second.ports, [status(1, 1, PortResult::Success)]);
        assert!(!has_news(&log.since(instance, second.sequence)));
        assert_eq!(log.since(instance, 0).ports.len(), 2, "only the newest change of a port is kept");
    }

    #[test]
    fn a_caller_of_another_run_or_from_the_future_gets_a_snapshot() {
        let log = log();
        log.report(status(1, 1, PortResult::Success));
        for (instance, after) in [(None, 0), (Some(Uuid::from_u128(8)), 1), (Some(Uuid::from_u128(7)), 2)] {
            let events = log.since(instance, after);
            assert!(events.snapshot && events.ports.len() == 1 && has_news(&events));
        }
    }

    #[test]
    fn attaching_a_profile_again_ends_its_earlier_attachment() {
        let log = log();
        log.report(status(1, 1, PortResult::Success));
        log.report(status(1, 2, PortResult::Success));
        let events = log.since(Some(Uuid::from_u128(7)), 1);
        assert_eq!(events.detached, [AttachId(Uuid::from_u128(1))]);
        assert_eq!(events.ports, [status(1, 2, PortResult::Success)]);
    }

    #[test]
    fn whoever_missed_a_forgotten_detachment_gets_a_snapshot() {
        let log = log();
        for number in 0..=REMEMBERED_DETACHMENTS as u128 {
            log.report(status(number, number, PortResult::Success));
            log.detached(NicId(Uuid::from_u128(number)));
        }
        let instance = Some(Uuid::from_u128(7));
        assert!(log.since(instance, 1).snapshot);
        assert_eq!(log.since(instance, 2).detached.len(), REMEMBERED_DETACHMENTS);
        assert_eq!(log.contents().changes.len(), REMEMBERED_DETACHMENTS);
    }

    #[tokio::test]
    async fn waiting_callers_wake_up() {
        let log = log();
        let mut news = log.subscribe();
        let waiting = tokio::spawn(async move { news.changed().await.map(|()| *news.borrow_and_update()) });
        log.report(status(1, 1, PortResult::Success));
        assert_eq!(waiting.await.unwrap().unwrap(), 1);
    }
}
