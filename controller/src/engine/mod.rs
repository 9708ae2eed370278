//! Decides what a write means, and publishes the outcome.
//!
//! Everything that is stored is also in memory, as an immutable [`world::World`]. Reads take the published one and never
//! wait. Writes queue at one task, which judges each against the world that the one before it left behind
//! (`evaluate`, pure), has the store keep a whole batch in one transaction, publishes, and answers.

pub(crate) mod bindings;
mod canonical;
pub mod claims;
pub(crate) mod document;
pub(crate) mod evaluate;
mod key;
pub mod ledger;
pub(crate) mod ports;
pub mod projection;
pub mod reading;
pub(crate) mod references;
pub mod render;
mod rendering;
pub mod world;
pub mod write;
mod writer;

use crate::error::{ApiError, Code};
use crate::store::{Store, StoreError};
use arc_swap::{ArcSwap, Guard};
use policy::ids::Epoch;
use projection::Commit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use world::World;
use write::{Answer, Write};
use writer::{Request, Writer};

pub use ports::PortReport;

/// Handle on the engine; cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {
    published: Arc<ArcSwap<World>>,
    queue: mpsc::Sender<Request>,
    epoch: Epoch,
    can_write: Arc<AtomicBool>,
}

/// What the engine is started with.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long a released address, MAC or VSID is not allocated again.
    pub hold_off: Duration,
}

/// A started engine.
#[derive(Debug)]
pub struct Started {
    /// For everybody.
    pub engine: Engine,
    /// Every accepted change, in order; the first is everything that was stored.
    pub commits: mpsc::Receiver<Commit>,
    /// Ends when every handle is gone and the queue is empty; the database is closed then.
    pub writer: JoinHandle<()>,
}

/// Writes that wait for the writer, and commits that wait for the compiler; who adds more waits.
const QUEUE: usize = 1024;

impl Engine {
    /// Loads what is stored and starts the writer.
    ///
    /// # Errors
    /// The database cannot be read, or a singleton that always exists cannot be created.
    pub async fn start(mut store: Store, settings: Settings) -> Result<Started, StoreError> {
        let stored = store.load().await?;
        let epoch = stored.epoch;
        let world = World::from_stored(stored);
        let (queue, requests) = mpsc::channel(QUEUE);
        let (commit_sender, commits) = mpsc::channel(QUEUE);
        let can_write = Arc::new(AtomicBool::new(true));
        let mut writer = Writer::new(store, settings.hold_off, commit_sender, can_write.clone());
        let world = writer.create_standing(world).await?;
        let published = Arc::new(ArcSwap::from_pointee(world));
        let writer = tokio::spawn(writer.run(published.clone(), requests));
        Ok(Started { engine: Self { published, queue, epoch, can_write }, commits, writer })
    }

    /// The published world.
    pub fn world(&self) -> Guard<Arc<World>> {
        self.published.load()
    }

    /// Which database this is.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Whether the last write could be kept, or none was tried.
    pub fn can_write(&self) -> bool {
        self.can_write.load(Ordering::Relaxed) && !self.queue.is_closed()
    }

    /// Has a write judged and kept. When this returns `Ok`, it is on disk and visible.
    ///
    /// # Errors
    /// The refusal for the client.
    pub async fn write(&self, write: Write) -> Answer {
        let (reply, answer) = oneshot::channel();
        self.queue.send(Request::Write(write, reply)).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }

    /// Has a host's report of its ports kept. Reports of hosts that are no `servers` are ignored.
    ///
    /// # Errors
    /// The store could not keep it; the report is to be repeated.
    pub async fn report_ports(&self, report: PortReport) -> Result<(), ApiError> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(Request::Ports(report, reply)).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }
}

fn stopping() -> ApiError {
    ApiError::new(Code::ServiceUnavailable, "The controller is stopping.")
}

#[cfg(test)]
mod tests;
