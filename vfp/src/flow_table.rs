//! The flows of one port: bounded in number, forgotten when idle, a bounded amount of work for each packet.

use crate::direction::{Direction, PerDirection};
use crate::drop_reason::DropReason;
use crate::flow::{Flow, FlowView, Lives, Unified};
use crate::flow_key::FlowKey;
use crate::hash::Seeded;
use crate::switch::Limits;
use crate::tcp_state::TcpState;
use crate::time::Time;
use std::collections::HashMap;

/// Flows that are looked at for expiry whenever one is added. More than one, so that the table shrinks under load.
const SWEEP: usize = 4;

/// The same when the table is full.
const SWEEP_FULL: usize = 64;

/// Where a flow is in the table; valid until the flow is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlowId(u32);

impl FlowId {
    const fn index(self) -> usize {
        self.0 as usize
    }
}

/// See the module.
pub(crate) struct FlowTable {
    ids: HashMap<FlowKey, FlowId, Seeded>,
    slots: Vec<Option<Flow>>,
    free: Vec<FlowId>,
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
            ids: HashMap::with_hasher(seed),
            slots: Vec::new(),
            free: Vec::new(),
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
    pub(crate) fn find(&self, key: &FlowKey, now: Time) -> Option<(FlowId, &Flow)> {
        let id = *self.ids.get(key)?;
        let flow = self.slots.get(id.index())?.as_ref()?;
        (!flow.is_expired(&self.lives, now)).then_some((id, flow))
    }

    /// One more packet of a flow passed.
    pub(crate) fn advance(&mut self, id: FlowId, direction: Direction, tcp: TcpState, bytes: usize, now: Time) {
        let Some(flow) = self.slots.get_mut(id.index()).and_then(Option::as_mut) else { return };
        flow.last_seen = flow.last_seen.max(now);
        flow.traffic.get_mut(direction).add(bytes);
        if flow.tcp != tcp {
            self.half_open = self.half_open - u32::from(flow.tcp.is_half_open()) + u32::from(tcp.is_half_open());
            flow.tcp = tcp;
        }
    }

    /// The flow may pass in this direction, as composed.
    pub(crate) fn admit(&mut self, id: FlowId, direction: Direction, unified: Option<Unified>) {
        if let Some(flow) = self.slots.get_mut(id.index()).and_then(Option::as_mut) {
            flow.admitted = true;
            *flow.unified.get_mut(direction) = unified;
        }
    }

    /// Policy stops the flow in both directions. It is kept for as long as packets try.
    pub(crate) fn bar(&mut self, id: FlowId, now: Time) {
        if let Some(flow) = self.slots.get_mut(id.index()).and_then(Option::as_mut) {
            flow.admitted = false;
            flow.unified = PerDirection::default();
            flow.last_seen = flow.last_seen.max(now);
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
        let is_full = self.len() >= self.most && !self.ids.contains_key(key);
        let too_many_half_open = state.is_half_open() && self.half_open >= self.most_half_open;
        match (is_full, too_many_half_open) {
            (true, _) => Some(DropReason::FlowLimit),
            (false, true) => Some(DropReason::HalfOpenLimit),
            (false, false) => None,
        }
    }

    /// Adds a flow, in the place of the one with that key if there is one.
    pub(crate) fn insert(&mut self, flow: Flow) {
        if let Some(old) = self.ids.get(&flow.key) {
            self.remove(*old);
        }
        self.half_open += u32::from(flow.tcp.is_half_open());
        let key = flow.key;
        let id = match self.free.pop() {
            Some(id) => {
                self.slots[id.index()] = Some(flow);
                id
            }
            None => {
                // The limit is a u32, so an index fits.
                let id = FlowId(u32::try_from(self.slots.len()).unwrap_or(u32::MAX));
                self.slots.push(Some(flow));
                id
            }
        };
        self.ids.insert(key, id);
    }

    /// Forgets flows that expired, looking at no more than `budget`.
    pub(crate) fn sweep(&mut self, now: Time, budget: usize) {
        for _ in 0..budget.min(self.slots.len()) {
            self.hand = (self.hand + 1) % self.slots.len();
            let slot = self.slots[self.hand].as_ref();
            if slot.is_some_and(|flow| flow.is_expired(&self.lives, now)) {
                self.remove(FlowId(u32::try_from(self.hand).unwrap_or(u32::MAX)));
            }
        }
        if self.ids.is_empty() && !self.slots.is_empty() {
            // Nothing is left: give the memory of a past peak back.
            self.slots = Vec::new();
            self.free = Vec::new();
            self.ids.shrink_to_fit();
        }
    }

    /// Flows that are alive at `now`, in no order.
    pub(crate) fn iter(&self, now: Time) -> impl Iterator<Item = FlowView> {
        let alive = self.slots.iter().flatten().filter(move |flow| !flow.is_expired(&self.lives, now));
        alive.map(move |flow| FlowView::new(flow, now))
    }

    fn len(&self) -> u32 {
        u32::try_from(self.ids.len()).unwrap_or(u32::MAX)
    }

    fn remove(&mut self, id: FlowId) {
        let Some(flow) = self.slots.get_mut(id.index()).and_then(Option::take) else { return };
        self.half_open -= u32::from(flow.tcp.is_half_open());
        self.ids.remove(&flow.key);
        self.free.push(id);
    }
}

#[cfg(test)]
mod tests;
