//! Where the state is kept: one file, under an exclusive lock, written whole.

use crate::state::{STATE_VERSION, State};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Where the state is unless told otherwise.
pub const DEFAULT_DIRECTORY: &str = "/var/lib/private-cloud-plugin";

/// The locked state. Others wait until this is dropped; a killed process leaves no lock behind.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    /// Its lock is the lock. It is another file than the state, which is replaced at each save.
    _lock: File,
}

/// Why the state cannot be had or kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system says no.
    #[error("cannot {verb} {path}")]
    Io {
        /// What was tried.
        verb: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file was damaged, or edited.
    #[error(
        "{path} does not hold the state of this program; if it cannot be repaired, stop all containers and remove it"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Written by a newer program.
    #[error("{path} was written by a newer version of this program (format {found}, this one knows {STATE_VERSION})")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
}

impl Store {
    /// Waits for the lock on `directory`, which is made if it is not there, and reads the state.
    ///
    /// # Errors
    /// Those of the file system; a file that is no state.
    pub fn open(directory: &Path) -> Result<(Self, State), StoreError> {
        let path = directory.join("lock");
        let lock = lock_file(directory, &path).map_err(io_error("open", &path))?;
        lock.lock().map_err(io_error("lock", &path))?;
        let store = Self { directory: directory.to_owned(), _lock: lock };
        let state = store.load()?;
        Ok((store, state))
    }

    /// Replaces the state. When this returns `Ok`, it is on disk; otherwise the old one is.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn save(&self, state: &State) -> Result<(), StoreError> {
        let path = self.path();
        let new = self.directory.join("state.json.new");
        let mut text = serde_json::to_vec_pretty(state).map_err(|error| io_error("write", &new)(error.into()))?;
        text.push(b'\n');
        let mut file = File::create(&new).map_err(io_error("make", &new))?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(io_error("write", &new))?;
        fs::rename(&new, &path).map_err(io_error("replace", &path))?;
        let directory = File::open(&self.directory).and_then(|directory| directory.sync_all());
        directory.map_err(io_error("sync", &self.directory))
    }

    fn load(&self) -> Result<State, StoreError> {
        let path = self.path();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::default()),
            Err(error) => return Err(io_error("read", &path)(error)),
        };
        /// What every version has.
        #[derive(serde::Deserialize)]
        struct Version {
            version: u32,
        }
        let damaged = |source| StoreError::Damaged { path: path.clone(), source };
        let Version { version: found } = serde_json::from_slice(&text).map_err(damaged)?;
        if found > STATE_VERSION {
            return Err(StoreError::Newer { path, found });
        }
        serde_json::from_slice(&text).map_err(damaged)
    }

    fn path(&self) -> PathBuf {
        self.directory.join("state.json")
    }
}

/// A file to be locked, and the directory for it. Only root can open it: whoever can read a file can hold its lock, and
/// everybody up with it.
pub(crate) fn lock_file(directory: &Path, path: &Path) -> io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)
}

fn io_error(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io { verb, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn what_was_saved_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let (store, mut state) = Store::open(directory.path()).unwrap();
        assert_eq!(state, State::default());
        state.begin("a boot");
        store.save(&state).unwrap();
        drop(store);
        assert_eq!(Store::open(directory.path()).unwrap().1, state);
    }

    #[test]
    fn nobody_else_can_hold_the_lock() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("state");
        let _store = Store::open(&directory).unwrap();
        for path in [directory.clone(), directory.join("lock")] {
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
        }
    }

    #[test]
    fn a_damaged_file_is_refused_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        fs::write(&path, "{\"version\":1").unwrap();
        assert!(matches!(Store::open(directory.path()), Err(StoreError::Damaged { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"version\":1");
    }

    #[test]
    fn a_newer_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("state.json"), "{\"version\":2}").unwrap();
        assert!(matches!(Store::open(directory.path()), Err(StoreError::Newer { found: 2, .. })));
    }

    #[test]
    fn only_one_at_a_time_has_the_state() {
        let directory = tempfile::tempdir().unwrap();
        let (inside, highest) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let (store, mut state) = Store::open(directory.path()).unwrap();
                        highest.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        state.boot.push('x');
                        store.save(&state).unwrap();
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(highest.into_inner(), 1);
        assert_eq!(Store::open(directory.path()).unwrap().1.boot.len(), 160, "no write was lost");
    }
}
