//! The flows of one port: bounded in number, forgotten when idle, a bounded amount of work for each packet.

use crate::config::Limits;
use crate::direction::{Direction, PerDirection};
use crate::drop_reason::DropReason;
use crate::flow::{Flow, FlowView, Lives, Unified};
use crate::flow_key::FlowKey;
use crate::hash::Seeded;
use crate::table::{Slot, Table};
use crate::tcp_state::TcpState;
use crate::time::Time;

/// Flows that are looked at for expiry whenever one is added. More than one, so that the table shrinks under load.
const SWEEP: usize = 4;

/// The same when the table is full.
const SWEEP_FULL: usize = 64;

/// See the module.
pub(crate) struct FlowTable {
    flows: Table<FlowKey, Flow>,
    /// Where the sweep goes on.
    hand: usize,
    half_open: u32,
    most_half_open: u32,
    most: u32,
    lives: Lives,
}

impl FlowTable {
    pub(crate) fn new(limits: &Limits, seed: Seeded) -> Self {
        Self {
            flows: Table::new(seed),
            hand: 0,
            half_open: 0,
            most_half_open: limits.half_open_per_port,
            most: limits.flows_per_port,
            lives: Lives::new(limits),
        }
    }

    /// Changes how many flows there may be; those that are too many stay until they expire.
    pub(crate) fn set_most(&mut self, most: u32) {
        self.most = most;
    }

    /// The flow with this key, if it is alive at `now`.
    pub(crate) fn find(&self, key: &FlowKey, now: Time) -> Option<(Slot, &Flow)> {
        let slot = self.flows.slot(key)?;
        let flow = self.flows.get(slot)?;
        (!flow.is_expired(&self.lives, now)).then_some((slot, flow))
    }

    /// One more packet of a flow passed.
    pub(crate) fn advance(&mut self, slot: Slot, direction: Direction, tcp: TcpState, bytes: usize, now: Time) {
        let Some(flow) = self.flows.get_mut(slot) else { return };
        flow.last_seen = flow.last_seen.max(now);
        flow.traffic.get_mut(direction).add(bytes);
        if flow.tcp != tcp {
            self.half_open = self.half_open - u32::from(flow.tcp.is_half_open()) + u32::from(tcp.is_half_open());
            flow.tcp = tcp;
        }
    }

    /// The flow may pass in this direction, as composed.
    pub(crate) fn admit(&mut self, slot: Slot, direction: Direction, unified: Option<Unified>) {
        if let Some(flow) = self.flows.get_mut(slot) {
            flow.admitted = true;
            *flow.unified.get_mut(direction) = unified;
        }
    }

    /// Policy stops the flow in both directions.
    ///
    /// A TCP connection stays stopped for as long as its packets come, as only a new SYN can open another. Other
    /// protocols have no such mark: after the life of an idle flow their packets are judged as new ones.
    pub(crate) fn bar(&mut self, slot: Slot, now: Time) {
        if let Some(flow) = self.flows.get_mut(slot) {
            if flow.admitted || flow.tcp != TcpState::NotTcp {
                flow.last_seen = flow.last_seen.max(now);
            }
            flow.admitted = false;
            flow.unified = PerDirection::default();
        }
    }

    /// Whether a flow in this TCP state may be added; makes room by forgetting what expired.
    ///
    /// # Errors
    /// [`DropReason::FlowLimit`], [`DropReason::HalfOpenLimit`].
    pub(crate) fn make_room(&mut self, key: &FlowKey, state: TcpState, now: Time) -> Result<(), DropReason> {
        self.sweep(now, SWEEP);
        if self.limit_reached(key, state).is_some() {
            self.sweep(now, SWEEP_FULL);
        }
        self.limit_reached(key, state).map_or(Ok(()), Err)
    }

    fn limit_reached(&self, key: &FlowKey, state: TcpState) -> Option<DropReason> {
        let is_full = self.len() >= self.most && !self.flows.contains(key);
        let too_many_half_open = state.is_half_open() && self.half_open >= self.most_half_open;
        match (is_full, too_many_half_open) {
            (true, _) => Some(DropReason::FlowLimit),
            (false, true) => Some(DropReason::HalfOpenLimit),
            (false, false) => None,
        }
    }

    /// Adds a flow, in the place of the one with that key if there is one.
    pub(crate) fn insert(&mut self, key: FlowKey, flow: Flow) {
        self.half_open += u32::from(flow.tcp.is_half_open());
        if let (_, Some(old)) = self.flows.insert(key, flow) {
            self.half_open -= u32::from(old.tcp.is_half_open());
        }
    }

    /// Forgets flows that expired, looking at no more than `budget` places.
    pub(crate) fn sweep(&mut self, now: Time, budget: usize) {
        let Self { flows, hand, half_open, lives, .. } = self;
        *hand = flows.sweep(*hand, budget, |flow| {
            let is_expired = flow.is_expired(lives, now);
            *half_open -= u32::from(is_expired && flow.tcp.is_half_open());
            is_expired
        });
    }

    /// Flows that are alive at `now`, in no order.
    pub(crate) fn iter(&self, now: Time) -> impl Iterator<Item = FlowView> {
        let alive = self.flows.iter().filter(move |(_, flow)| !flow.is_expired(&self.lives, now));
        alive.map(move |(key, flow)| FlowView::new(&key, flow, now))
    }

    fn len(&self) -> u32 {
        u32::try_from(self.flows.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
