//! What changed on the ports, for `GET /v1/events`: the newest change of each port, in order.

use policy::ids::{AttachId, NicId};
use policy::report::{Events, PortStatus};
use std::collections::{BTreeMap, HashMap, VecDeque};
use tokio::sync::watch;
use uuid::Uuid;

/// Detachments that are remembered for callers that are behind. Ports need no limit: each has one entry.
const REMEMBERED_DETACHMENTS: usize = 4096;

/// All ports that are attached, and the order in which they came, changed and went.
///
/// A caller asks for what is newer than the sequence number it saw last. Only the newest change of a port is kept, so a
/// caller that is far behind reads each port once, not its history.
#[derive(Debug)]
pub struct EventLog {
    instance: Uuid,
    sequence: watch::Sender<u64>,
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
        Self {
            instance,
            sequence: watch::Sender::new(0),
            ports: HashMap::new(),
            changes: BTreeMap::new(),
            detachments: VecDeque::new(),
            floor: 0,
        }
    }

    /// Changes whenever there is something new.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.sequence.subscribe()
    }

    /// Status of every attached port, ordered by profile id.
    pub fn ports(&self) -> Vec<PortStatus> {
        let mut ports: Vec<_> = self.ports.values().map(|(_, status)| status.clone()).collect();
        ports.sort_unstable_by_key(|status| status.profile_id);
        ports
    }

    /// Status of one port.
    pub fn port(&self, profile: NicId) -> Option<&PortStatus> {
        self.ports.get(&profile).map(|(_, status)| status)
    }

    /// Records `status`. Returns whether it was news. Another attachment of the same profile ends the earlier one.
    pub fn report(&mut self, status: PortStatus) -> bool {
        let profile = status.profile_id;
        match self.port(profile) {
            Some(known) if *known == status => return false,
            Some(known) if known.attach_id != status.attach_id => self.detached(profile),
            _ => {}
        }
        let sequence = self.next(Change::Port(profile));
        if let Some((earlier, _)) = self.ports.insert(profile, (sequence, status)) {
            self.changes.remove(&earlier);
        }
        self.sequence.send_replace(sequence);
        true
    }

    /// Records that the port's attachment is gone.
    pub fn detached(&mut self, profile: NicId) {
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
        self.sequence.send_replace(sequence);
    }

    fn next(&mut self, change: Change) -> u64 {
        let sequence = *self.sequence.borrow() + 1;
        self.changes.insert(sequence, change);
        sequence
    }

    /// What is newer than `after` of `instance`, or everything if that cannot be said.
    pub fn since(&self, instance: Option<Uuid>, after: u64) -> Events {
        let sequence = *self.sequence.borrow();
        let known = instance == Some(self.instance) && (self.floor..=sequence).contains(&after);
        if !known {
            let (ports, detached) = (self.ports(), Vec::new());
            return Events { instance: self.instance, sequence, snapshot: true, ports, detached };
        }
        let mut events =
            Events { instance: self.instance, sequence, snapshot: false, ports: Vec::new(), detached: Vec::new() };
        for change in self.changes.range(after + 1..).map(|(_, change)| change) {
            match *change {
                Change::Port(profile) => events.ports.extend(self.port(profile).cloned()),
                Change::Detached(attach_id) => events.detached.push(attach_id),
            }
        }
        events
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
        let mut log = log();
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
        let mut log = log();
        log.report(status(1, 1, PortResult::Success));
        for (instance, after) in [(None, 0), (Some(Uuid::from_u128(8)), 1), (Some(Uuid::from_u128(7)), 2)] {
            let events = log.since(instance, after);
            assert!(events.snapshot && events.ports.len() == 1 && has_news(&events));
        }
    }

    #[test]
    fn attaching_a_profile_again_ends_its_earlier_attachment() {
        let mut log = log();
        log.report(status(1, 1, PortResult::Success));
        log.report(status(1, 2, PortResult::Success));
        let events = log.since(Some(Uuid::from_u128(7)), 1);
        assert_eq!(events.detached, [AttachId(Uuid::from_u128(1))]);
        assert_eq!(events.ports, [status(1, 2, PortResult::Success)]);
    }

    #[test]
    fn whoever_missed_a_forgotten_detachment_gets_a_snapshot() {
        let mut log = log();
        for number in 0..=REMEMBERED_DETACHMENTS as u128 {
            log.report(status(number, number, PortResult::Success));
            log.detached(NicId(Uuid::from_u128(number)));
        }
        let instance = Some(Uuid::from_u128(7));
        assert!(log.since(instance, 1).snapshot);
        assert_eq!(log.since(instance, 2).detached.len(), REMEMBERED_DETACHMENTS);
        assert_eq!(log.changes.len(), REMEMBERED_DETACHMENTS);
    }

    #[tokio::test]
    async fn waiting_callers_wake_up() {
        let mut log = log();
        let mut news = log.subscribe();
        let waiting = tokio::spawn(async move { news.changed().await.map(|()| *news.borrow_and_update()) });
        log.report(status(1, 1, PortResult::Success));
        assert_eq!(waiting.await.unwrap().unwrap(), 1);
    }
}
