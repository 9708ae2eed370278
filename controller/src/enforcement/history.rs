//! Which hosts each of the recent generations concerned.

use policy::ids::{Generation, HostId};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// Generations that are remembered. A caller asks right after its own write, so few are enough.
const GENERATIONS: usize = 8192;

/// A bounded memory of affected hosts.
#[derive(Debug, Default)]
pub(super) struct History {
    recent: VecDeque<(Generation, Arc<BTreeSet<HostId>>)>,
    /// Last generation that was compiled.
    compiled: Option<Generation>,
    /// Last generation that was dropped from memory.
    forgotten: Option<Generation>,
}

/// Hosts that a generation concerned.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Concerned {
    /// It is not compiled yet.
    NotYetKnown,
    /// It is too long ago: no host can be ruled out.
    NoLongerKnown,
    /// These, and only these.
    Hosts(Arc<BTreeSet<HostId>>),
}

impl History {
    /// Notes the outcome of a generation. Neighbours with the same hosts share one set.
    pub(super) fn push(&mut self, generation: Generation, affected: &BTreeSet<HostId>) {
        self.compiled = Some(generation);
        if affected.is_empty() {
            return;
        }
        let same = self.recent.back().map(|(_, hosts)| hosts).filter(|hosts| hosts.as_ref() == affected);
        let hosts = same.cloned().unwrap_or_else(|| Arc::new(affected.clone()));
        self.recent.push_back((generation, hosts));
        if self.recent.len() > GENERATIONS {
            self.forgotten = self.recent.pop_front().map(|(generation, _)| generation);
        }
    }

    /// Hosts that `generation` concerned.
    pub(super) fn concerned(&self, generation: Generation) -> Concerned {
        if self.compiled.is_none_or(|compiled| compiled < generation) {
            return Concerned::NotYetKnown;
        }
        if self.forgotten.is_some_and(|forgotten| generation <= forgotten) {
            return Concerned::NoLongerKnown;
        }
        let found = self.recent.binary_search_by_key(&generation, |(generation, _)| *generation);
        Concerned::Hosts(found.map(|at| self.recent[at].1.clone()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_generation_is_known_from_its_compilation_until_it_is_too_long_ago() {
        let hosts = BTreeSet::from([HostId(Uuid::from_u128(1))]);
        let mut history = History::default();
        assert_eq!(history.concerned(Generation(1)), Concerned::NotYetKnown);
        history.push(Generation(1), &hosts);
        history.push(Generation(2), &BTreeSet::new());
        assert_eq!(history.concerned(Generation(1)), Concerned::Hosts(Arc::new(hosts.clone())));
        assert_eq!(history.concerned(Generation(2)), Concerned::Hosts(Arc::default()));
        assert_eq!(history.concerned(Generation(3)), Concerned::NotYetKnown);
        for generation in 3..3 + GENERATIONS as u64 {
            history.push(Generation(generation), &hosts);
        }
        assert_eq!(history.concerned(Generation(1)), Concerned::NoLongerKnown);
        assert_eq!(history.concerned(Generation(3)), Concerned::Hosts(Arc::new(hosts)));
    }
}
