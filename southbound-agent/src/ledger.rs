//! What the agent must not forget: the last accepted goal state and the attached ports.
//!
//! Both are journals in the state directory. An update is recorded as the very bytes that were received, and a journal
//! is read by judging and applying its updates again, so there is one meaning of an update and one format. A snapshot
//! is an update too: a whole manifest with all bodies.

use crate::goal_state::GoalState;
use crate::journal::{Journal, Opened};
use crate::ports::{Attachments, PortChange};
use policy::goal_state::Update;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// A journal is rewritten when it is this much longer than twice what it has to say.
const SLACK: u64 = 4 << 20;

/// The open ledger. Holds a lock: a second agent on the same directory does not start.
#[derive(Debug)]
pub struct Ledger {
    goal_state: Journal,
    ports: Journal,
    lock: File,
    closed: bool,
}

/// What was in the ledger.
#[derive(Debug)]
pub struct Remembered {
    /// Ready for more.
    pub ledger: Ledger,
    /// The last accepted goal state.
    pub goal_state: GoalState,
    /// The attached ports.
    pub ports: Attachments,
}

/// Why the ledger cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The directory or a file in it cannot be used.
    #[error("state directory {path}")]
    Io {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another agent works with it.
    #[error("state directory {0} is in use by another agent")]
    Locked(PathBuf),
}

impl Ledger {
    /// Reads the ledger in `folder`, which is made if it is missing.
    ///
    /// # Errors
    /// [`LedgerError`]. A damaged tail is no error: it is cut and logged, and the state before it is in force.
    pub fn open(folder: &Path) -> Result<Remembered, LedgerError> {
        let failed = |source| LedgerError::Io { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let lock = File::create(folder.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LedgerError::Locked(folder.to_owned())),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let mut state = GoalState::default();
        let goal_state = open(folder.join("goal-state.journal"), |record| replay(&mut state, record));
        state.settle();
        let mut attachments = Attachments::default();
        let ports = open(folder.join("ports.journal"), |record| {
            let change = serde_json::from_slice(record).map_err(|error| error.to_string())?;
            attachments.apply(change);
            Ok(())
        });
        let ledger =
            Self { goal_state: goal_state.map_err(failed)?, ports: ports.map_err(failed)?, lock, closed: false };
        Ok(Remembered { ledger, goal_state: state, ports: attachments })
    }

    /// Makes an update durable. `body` is its text, `held` the state before it.
    ///
    /// # Errors
    /// Those of the file system; the update is then not in the ledger.
    pub fn record_update(&mut self, body: &[u8], held: &GoalState) -> io::Result<()> {
        self.check_open()?;
        if self.goal_state.is_suspect() {
            self.rewrite_goal_state(held)?;
        }
        self.goal_state.append(body)
    }

    /// Makes a change of ports durable. `held` is what was attached before it.
    ///
    /// # Errors
    /// Those of the file system; the change is then not in the ledger.
    pub fn record_port(&mut self, change: &PortChange, held: &Attachments) -> io::Result<()> {
        self.record_ports([change], held)
    }

    /// Makes changes of ports durable, with one write for all. `held` is what was attached before them.
    ///
    /// # Errors
    /// Those of the file system; none of the changes is in the ledger then.
    pub fn record_ports<'a>(
        &mut self,
        changes: impl IntoIterator<Item = &'a PortChange>,
        held: &Attachments,
    ) -> io::Result<()> {
        self.check_open()?;
        if self.ports.is_suspect() {
            self.rewrite_ports(held)?;
        }
        let records: Result<Vec<Vec<u8>>, _> = changes.into_iter().map(serde_json::to_vec).collect();
        self.ports.append_all(&records?)
    }

    /// Rewrites what has grown too long. Costs as much as the state is big, so it is not done while a caller waits.
    ///
    /// # Errors
    /// Those of the file system; nothing is lost then, and the next call tries again.
    pub fn tend(&mut self, state: &GoalState, ports: &Attachments) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        if self.goal_state.len() > SLACK + 2 * state.text_bytes() as u64 {
            self.rewrite_goal_state(state)?;
        }
        // An attachment takes less than 256 bytes.
        if self.ports.len() > SLACK + 512 * ports.len() as u64 {
            self.rewrite_ports(ports)?;
        }
        Ok(())
    }

    /// Writes nothing any more, and lets another agent open the directory.
    pub fn close(&mut self) {
        self.closed = true;
        // The lock goes with the file at the latest.
        self.lock.unlock().ok();
    }

    fn check_open(&self) -> io::Result<()> {
        match self.closed {
            true => Err(io::Error::other("the agent is shutting down")),
            false => Ok(()),
        }
    }

    /// Bytes on disk.
    pub fn size(&self) -> u64 {
        self.goal_state.len() + self.ports.len()
    }

    fn rewrite_goal_state(&mut self, state: &GoalState) -> io::Result<()> {
        let snapshot = state.snapshot().map(|update| serde_json::to_vec(&update)).transpose()?;
        let records: Vec<&[u8]> = snapshot.iter().map(Vec::as_slice).collect();
        self.goal_state.rewrite(&records)
    }

    fn rewrite_ports(&mut self, ports: &Attachments) -> io::Result<()> {
        let records: Result<Vec<_>, _> =
            ports.iter().map(|port| serde_json::to_vec(&PortChange::Attach(port.clone()))).collect();
        let records = records?;
        self.ports.rewrite(&records.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }
}

/// Opens one journal and hands its records to `replay`. Records from the first one that cannot be used on are dropped:
/// the state before it was in force once, the controller sends the rest again.
fn open(path: PathBuf, mut replay: impl FnMut(&[u8]) -> Result<(), String>) -> io::Result<Journal> {
    let Opened { mut journal, records, cut } = Journal::open(path.clone())?;
    if cut > 0 {
        tracing::warn!(file = %path.display(), bytes = cut, "cut an unfinished record");
    }
    for (used, record) in records.iter().enumerate() {
        if let Err(reason) = replay(record) {
            tracing::error!(file = %path.display(), reason, dropped = records.len() - used, "dropped unusable records");
            let usable: Vec<&[u8]> = records[..used].iter().map(Vec::as_slice).collect();
            journal.rewrite(&usable)?;
            break;
        }
    }
    Ok(journal)
}

fn replay(state: &mut GoalState, record: &[u8]) -> Result<(), String> {
    let update: Update = serde_json::from_slice(record).map_err(|error| error.to_string())?;
    let change = state.judge(&update, None).map_err(|rejection| format!("{rejection:?}"))?;
    state.apply(change);
    Ok(())
}

#[cfg(test)]
mod tests;
