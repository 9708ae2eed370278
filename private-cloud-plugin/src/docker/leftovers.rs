//! Networks that docker removed while no service was there to be told: docker tries for half a minute and then does without.
//!
//! What may be one is settled once in the life of a service, by the engine's first answer to what networks it has. That is
//! enough, since a service that listens is told; and it is safe:
//!
//! - Only networks that were there when the service began, and have no endpoints, are dropped. One that is being created is in no
//!   list of the engine yet, but it is younger than the service, or docker asks for it a second time and it is
//!   [spared](Leftovers::spare). Both happen in a [`Vm::change`], so that the one cannot come in the midst of the other.
//! - The first question is put a while after the start: an engine whose last word with the service before was the creation of a
//!   network has listed that by then.
//! - An engine that does not answer, or not with a list, decides nothing.

#[cfg(test)]
mod tests;

use crate::network::{NetworkId, is_dockers};
use crate::state::State;
use crate::vm::{Vm, VmError};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Before the first question, and between questions that were not answered. The engine may start after this service.
const PAUSE: Duration = Duration::from_secs(5);

/// The engine answers from memory; one that is still starting lets callers wait.
const PATIENCE: Duration = Duration::from_secs(5);

/// The networks that docker may not have any more.
#[derive(Clone, Debug)]
pub(super) struct Leftovers {
    suspects: Arc<Mutex<BTreeSet<NetworkId>>>,
}

/// Why nothing is settled.
#[derive(Debug, thiserror::Error)]
enum Unsettled {
    #[error("the docker engine does not tell its networks")]
    Engine(#[from] reqwest::Error),
    #[error(transparent)]
    Vm(#[from] VmError),
    #[error("the work was broken off")]
    Aborted,
}

/// A member of the answer to `GET /networks` (Engine API, `NetworkList`).
#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "Id")]
    id: String,
}

impl Leftovers {
    /// All networks of docker are suspected at first.
    pub(super) fn new(state: &State) -> Self {
        let suspects = state.networks.keys().filter(|id| is_dockers(id.as_str())).cloned().collect();
        Self { suspects: Arc::new(Mutex::new(suspects)) }
    }

    /// Docker speaks of this network as one that is to be.
    pub(super) fn spare(&self, id: &NetworkId) {
        self.with(|suspects| suspects.remove(id));
    }

    /// Drops what docker does not have any more, as soon as the engine at `socket` answers.
    pub(super) async fn settle(&self, vm: &Vm, socket: &Path) {
        while !self.with(|suspects| suspects.is_empty()) {
            tokio::time::sleep(PAUSE).await;
            match self.try_settle(vm, socket).await {
                Ok(dropped) => {
                    for network in dropped {
                        tracing::warn!(%network, "docker does not have this network any more; it is forgotten");
                    }
                    return;
                }
                // Engines are stopped at times, and that is nobody's mistake.
                Err(error) => {
                    tracing::debug!(error = crate::cli::whole(&error), "leftover networks are not looked for")
                }
            }
        }
    }

    async fn try_settle(&self, vm: &Vm, socket: &Path) -> Result<Vec<NetworkId>, Unsettled> {
        let listed = listed(socket).await?;
        let (vm, leftovers) = (vm.clone(), self.clone());
        let work = move || {
            vm.change(|change| {
                let gone = leftovers.with(|suspects| gone(suspects, &listed, change.state()));
                gone.iter().try_for_each(|id| change.remove_network(id))?;
                Ok(gone)
            })
        };
        Ok(tokio::task::spawn_blocking(work).await.map_err(|_| Unsettled::Aborted)??)
    }

    fn with<T>(&self, look: impl FnOnce(&mut BTreeSet<NetworkId>) -> T) -> T {
        look(&mut self.suspects.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Which of the suspects are to be dropped, given what the engine lists.
fn gone(suspects: &BTreeSet<NetworkId>, listed: &BTreeSet<String>, state: &State) -> Vec<NetworkId> {
    let used: BTreeSet<_> = state.endpoints.values().map(|endpoint| &endpoint.network).collect();
    let there = suspects.iter().filter(|id| state.networks.contains_key(id));
    there.filter(|id| !used.contains(id) && !listed.contains(id.as_str())).cloned().collect()
}

/// Ids of all networks that the engine has: without a filter, so that one is known under whatever name of a driver.
async fn listed(socket: &Path) -> Result<BTreeSet<String>, reqwest::Error> {
    let http = reqwest::Client::builder().unix_socket(socket).redirect(reqwest::redirect::Policy::none());
    // The host's name goes nowhere.
    let request = http.timeout(PATIENCE).build()?.get("http://docker/networks");
    let networks: Vec<Listed> = request.send().await?.error_for_status()?.json().await?;
    Ok(networks.into_iter().map(|network| network.id).collect())
}
