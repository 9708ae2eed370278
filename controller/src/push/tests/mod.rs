//! Dissemination against agents that really answer, over real connections.

mod conversation;
mod fake_agent;
mod ports;
mod reports;

use super::*;
use crate::enforcement::{Code, Enforced, Enforcement};
use crate::fabric::testing::*;
use crate::fabric::{Change, Endpoint, Revision};
use fake_agent::{Behaviour, FakeAgent, Received};
use policy::ids::{Epoch, Generation};
use reports::Reports;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::mpsc;
use uuid::Uuid;

const EPOCH: Epoch = Epoch(Uuid::from_u128(0xe0));

fn quick() -> PushSettings {
    PushSettings {
        connect_timeout: Duration::from_secs(5),
        answer_timeout: Duration::from_secs(20),
        poll_wait: Duration::from_secs(1),
        first_retry: Duration::from_millis(2),
        longest_retry: Duration::from_millis(50),
        audit_interval: Duration::from_secs(3600),
    }
}

/// A controller without its northbound half.
struct Controller {
    revisions: mpsc::Sender<Revision>,
    generation: u64,
    enforcement: Arc<Enforcement>,
    reports: Arc<Reports>,
    dissemination: Dissemination,
}

impl Controller {
    /// Starts at `generation` with everything that exists.
    async fn start(generation: u64, world: impl IntoIterator<Item = Change>) -> Self {
        Self::start_with(quick(), generation, world).await
    }

    async fn start_with(settings: PushSettings, generation: u64, world: impl IntoIterator<Item = Change>) -> Self {
        let (revisions, feed) = mpsc::channel(1024);
        let (enforcement, reports) = (Enforcement::new(), Arc::new(Reports::default()));
        let dissemination = Dissemination::start(EPOCH, settings, feed, enforcement.clone(), reports.clone()).unwrap();
        let mut controller = Self { revisions, generation: generation - 1, enforcement, reports, dissemination };
        controller.write(world).await;
        controller
    }

    /// One accepted write.
    async fn write(&mut self, changes: impl IntoIterator<Item = Change>) -> Generation {
        self.generation += 1;
        let generation = Generation(self.generation);
        self.revisions.send(Revision { generation, changes: changes.into_iter().collect() }).await.unwrap();
        generation
    }

    /// How far the last write got within the time that is there.
    async fn enforced(&self) -> Enforced {
        self.enforcement.wait(Generation(self.generation), Duration::from_secs(20)).await
    }
}

fn endpoint(address: SocketAddr) -> Option<Endpoint> {
    Some(address.to_string().parse().unwrap())
}

/// Agents of hosts 1, 2, ...
fn agents<const N: usize>() -> [FakeAgent; N] {
    std::array::from_fn(|n| FakeAgent::start(Some(host(n as u128 + 1))))
}

/// A host for each address; blue has NIC 11 on the first and NIC 12 on the second.
fn world(agents: &[SocketAddr]) -> Vec<Change> {
    let servers = (1..).zip(agents).map(|(n, address)| server_at(n, endpoint(*address)));
    let nics = [nic(0x11, BLUE, WEB, "10.0.0.4"), nic(0x12, BLUE, WEB, "10.0.0.5"), bind(0x11, 1), bind(0x12, 2)];
    servers.chain([network(BLUE, None, None)]).chain(nics).collect()
}

/// Code of a host's state.
fn code(enforcement: &Enforcement, n: u128) -> Option<Code> {
    enforcement.host_state(host(n))?.details.first().map(|detail| detail.code)
}

/// An update that carried the bodies of all it named.
fn update(generation: u64, base: Option<u64>, sections: usize) -> Received {
    Received { generation, base, set: sections, bodies: sections }
}
