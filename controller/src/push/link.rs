//! What the two loops of one host tell each other.

use tokio::sync::Notify;

/// Nudges, never data: each loop asks the agent itself.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// To the pusher: ask the agent what it enforces. The agent is back, or it is another run of it.
    pub(super) ask: Notify,
    /// To the watcher: listen again. The agent is back.
    pub(super) listen: Notify,
}
