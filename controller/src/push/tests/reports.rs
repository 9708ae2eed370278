//! Stands for the store's writer: remembers what was reported.

use crate::push::{NotRecorded, PortReports};
use policy::ids::{HostId, NicId};
use policy::report::Events;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;
use tokio::sync::watch;

/// One accepted report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) host: HostId,
    pub(super) nics: BTreeSet<NicId>,
    pub(super) snapshot: bool,
    pub(super) provider_address: Option<IpAddr>,
}

/// Everything reported, and how many reports are still to be refused.
#[derive(Debug, Default)]
pub(super) struct Reports {
    accepted: watch::Sender<Vec<Report>>,
    pub(super) refuse: watch::Sender<u32>,
}

impl Reports {
    /// Waits for a report that is as it should be.
    pub(super) async fn until(&self, condition: impl Fn(&Report) -> bool) -> Report {
        let mut accepted = self.accepted.subscribe();
        let found = accepted.wait_for(|reports| reports.iter().any(&condition));
        let reports = tokio::time::timeout(Duration::from_secs(20), found).await.expect("no such report").unwrap();
        reports.iter().find(|report| condition(report)).unwrap().clone()
    }
}

impl PortReports for Reports {
    async fn report(&self, host: HostId, events: Events, provider_address: Option<IpAddr>) -> Result<(), NotRecorded> {
        let mut refused = false;
        self.refuse.send_modify(|left| {
            refused = *left > 0;
            *left = left.saturating_sub(1);
        });
        if refused {
            return Err(NotRecorded("the disk is full".into()));
        }
        let nics = events.ports.iter().map(|port| port.profile_id).collect();
        let report = Report { host, nics, snapshot: events.snapshot, provider_address };
        self.accepted.send_modify(|reports| reports.push(report));
        Ok(())
    }
}
