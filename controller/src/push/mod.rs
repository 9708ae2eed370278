//! From the store's revisions to goal states in force: the compile task, and one independent pusher per host.

use policy::ids::HostId;
use policy::report::Events;
use std::net::IpAddr;

/// Who records what ports the agents report: the store's writer.
pub trait PortReports: Send + Sync + 'static {
    /// Records bindings. `provider_address` is the one fixed by the host's settings, if any.
    ///
    /// # Errors
    /// The report could not be kept; it is repeated later, as a snapshot.
    fn report(
        &self,
        host: HostId,
        events: Events,
        provider_address: Option<IpAddr>,
    ) -> impl Future<Output = Result<(), NotRecorded>> + Send;
}

/// Why a port report could not be kept, for the log.
#[derive(Debug, thiserror::Error)]
#[error("port report not recorded: {0}")]
pub struct NotRecorded(pub String);
