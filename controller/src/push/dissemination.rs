//! The compile task: takes revisions in order, and gives every host its newest manifest.

use super::agent::http_client;
use super::fleet::Fleet;
use super::held::Target;
use super::{PortReports, PushSettings};
use crate::compiler::Compiler;
use crate::enforcement::Enforcement;
use crate::fabric::{Change, Revision};
use policy::ids::{Epoch, Generation, HostId};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Revisions that are compiled before their hosts are told. Under load this saves pushes that the next one outdates.
const BATCH: usize = 64;

/// Everything behind the store: compiler, pushers, watchers. Ends when dropped.
#[derive(Debug)]
pub struct Dissemination {
    task: JoinHandle<()>,
}

impl Dissemination {
    /// Starts on the current runtime. `revisions` are the store's in order, the first of them holding everything;
    /// when its sender is dropped, dissemination ends. `epoch` is the database's.
    ///
    /// # Errors
    /// No HTTP client can be made.
    pub fn start<R: PortReports>(
        epoch: Epoch,
        settings: PushSettings,
        revisions: mpsc::Receiver<Revision>,
        enforcement: Arc<Enforcement>,
        reports: Arc<R>,
    ) -> Result<Self, reqwest::Error> {
        let http = http_client(&settings)?;
        let fleet = Fleet { epoch, settings, http, enforcement, reports, hosts: HashMap::new() };
        Ok(Self { task: tokio::spawn(compile(revisions, fleet)) })
    }

    /// Whether revisions are still taken. When not, the controller should be restarted: it accepts what nobody enforces.
    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }

    /// Ends all tasks. Hosts keep enforcing what they have.
    pub async fn stop(mut self) {
        self.task.abort();
        // The task was ended on purpose: there is no other outcome to report.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Dissemination {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn compile<R: PortReports>(mut revisions: mpsc::Receiver<Revision>, mut fleet: Fleet<R>) {
    let mut compiler = Compiler::default();
    let mut batch = Vec::with_capacity(BATCH);
    while revisions.recv_many(&mut batch, BATCH).await > 0 {
        let mut affected = BTreeMap::<HostId, Generation>::new();
        for revision in batch.drain(..) {
            let outcome = compiler.apply(&revision);
            fleet.enforcement.note_compiled(&revision, &outcome, &compiler);
            affected.extend(outcome.affected.iter().map(|host| (*host, outcome.generation)));
            follow_servers(&revision, &compiler, &mut fleet);
        }
        for (host, generation) in affected {
            if let Some(manifest) = compiler.manifest(host) {
                fleet.retarget(host, Target { generation, manifest: manifest.clone() });
            }
        }
    }
}

/// Starts and ends conversations as the revision says.
fn follow_servers<R: PortReports>(revision: &Revision, compiler: &Compiler, fleet: &mut Fleet<R>) {
    for change in &revision.changes {
        let Change::Server(id, server) = change else { continue };
        match (server, compiler.manifest(*id)) {
            (Some(server), Some(manifest)) => {
                let target = Target { generation: revision.generation, manifest: manifest.clone() };
                fleet.set(*id, server.agent.as_ref(), target);
            }
            _ => fleet.remove(*id),
        }
    }
}
