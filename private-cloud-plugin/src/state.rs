//! All that this VM remembers: addresses, networks, endpoints.

use crate::book::Book;
use crate::network::{Endpoint, EndpointId, Network, NetworkId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Moves when an older program would misunderstand the file.
pub const STATE_VERSION: u32 = 1;

/// What is remembered. The docker service and the CNI plugins share it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// [`STATE_VERSION`] of the writer.
    pub version: u32,
    /// Which start of the VM the endpoints belong to, as the kernel names it. No endpoint survives a restart.
    pub boot: String,
    /// Addresses.
    pub book: Book,
    /// Networks.
    pub networks: BTreeMap<NetworkId, Network>,
    /// Endpoints.
    pub endpoints: BTreeMap<EndpointId, Endpoint>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            version: STATE_VERSION,
            boot: String::new(),
            book: Book::default(),
            networks: BTreeMap::new(),
            endpoints: BTreeMap::new(),
        }
    }
}

impl State {
    /// Forgets the endpoints of an earlier start of the VM, and frees their addresses. Networks stay: docker remembers
    /// its own, and expects that we do.
    pub fn begin(&mut self, boot: &str) {
        if self.boot != boot {
            self.endpoints.clear();
            self.book.free_all();
            boot.clone_into(&mut self.boot);
        }
    }
}
