//! Making and removing what is installed.

use super::{Item, Thing};
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// What was done about an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was not there.
    Made,
    /// Something else was there.
    Replaced,
    /// It was so already.
    Kept,
    /// It is gone.
    Removed,
    /// There was nothing to remove, or something that somebody else made.
    Absent,
}

/// Why it could not be done.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {path}")]
pub struct InstallError {
    verb: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// Makes `item` so below `root`; `program` is the file of this program. Nobody ever sees half of it.
///
/// # Errors
/// Those of the file system.
pub fn make(root: &Path, item: &Item, program: &Path) -> Result<Outcome, InstallError> {
    let path = below(root, &item.path);
    let failed = |verb| failure(verb, &path);
    let outcome = match fs::symlink_metadata(&path) {
        Ok(_) if is_so(&path, &item.thing, program).map_err(failed("read"))? => return Ok(Outcome::Kept),
        Ok(_) => Outcome::Replaced,
        Err(_) => Outcome::Made,
    };
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(failed("make the directory of"))?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    // An earlier attempt may have left it.
    fs::remove_file(&new).ok();
    let made = match &item.thing {
        Thing::Program => fs::copy(program, &new).and_then(|_| executable(&new)),
        Thing::Text(text) => fs::write(&new, text),
        Thing::Link(target) => symlink(target, &new),
    };
    made.and_then(|()| fs::rename(&new, &path)).map_err(failed("write"))?;
    Ok(outcome)
}

/// Removes `item` below `root`. A link that leads elsewhere is somebody else's.
///
/// # Errors
/// Those of the file system.
pub fn remove(root: &Path, item: &Item) -> Result<Outcome, InstallError> {
    let path = below(root, &item.path);
    if let Thing::Link(target) = &item.thing
        && fs::read_link(&path).is_ok_and(|found| found != *target)
    {
        return Ok(Outcome::Absent);
    }
    match fs::remove_file(&path) {
        Ok(()) => Ok(Outcome::Removed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Outcome::Absent),
        Err(error) => Err(failure("remove", &path)(error)),
    }
}

fn is_so(path: &Path, thing: &Thing, program: &Path) -> io::Result<bool> {
    let metadata = fs::symlink_metadata(path)?;
    match thing {
        Thing::Link(target) => Ok(metadata.is_symlink() && fs::read_link(path)? == *target),
        _ if !metadata.is_file() => Ok(false),
        Thing::Text(text) => Ok(fs::read(path)? == text.as_bytes()),
        Thing::Program => Ok(same_file(path, program)? || fs::read(path)? == fs::read(program)?),
    }
}

fn same_file(a: &Path, b: &Path) -> io::Result<bool> {
    Ok(fs::canonicalize(a)? == fs::canonicalize(b)?)
}

fn executable(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn failure(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> InstallError + use<> {
    let path = path.to_owned();
    move |source| InstallError { verb, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::Plan;
    use crate::proxy::DEFAULT_URL;

    fn plan(proxy: &str) -> Plan {
        Plan { proxy: proxy.to_owned(), docker: true, cni: true }
    }

    fn install(root: &Path, plan: &Plan) -> Vec<Outcome> {
        let program = root.join("the-program");
        fs::write(&program, "program").unwrap();
        plan.items().iter().map(|item| make(root, item, &program).unwrap()).collect()
    }

    #[test]
    fn installing_again_changes_nothing_and_only_what_differs_is_replaced() {
        let root = tempfile::tempdir().unwrap();
        assert!(install(root.path(), &plan(DEFAULT_URL)).iter().all(|outcome| *outcome == Outcome::Made));
        assert!(install(root.path(), &plan(DEFAULT_URL)).iter().all(|outcome| *outcome == Outcome::Kept));
        let outcomes = install(root.path(), &plan("http://10.0.0.1/x"));
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Replaced).count(), 2);
        let program = root.path().join("usr/local/bin/private-cloud-plugin");
        assert_eq!(fs::metadata(program).unwrap().permissions().mode() & 0o777, 0o755);
    }

    #[test]
    fn uninstalling_leaves_no_file_and_may_be_repeated() {
        let root = tempfile::tempdir().unwrap();
        install(root.path(), &plan(DEFAULT_URL));
        let items = plan(DEFAULT_URL).items();
        assert!(items.iter().all(|item| remove(root.path(), item).unwrap() == Outcome::Removed));
        assert!(items.iter().all(|item| remove(root.path(), item).unwrap() == Outcome::Absent));
        assert!(items.iter().all(|item| fs::symlink_metadata(below(root.path(), &item.path)).is_err()));
    }

    #[test]
    fn a_link_of_somebody_else_is_not_removed() {
        let root = tempfile::tempdir().unwrap();
        let items = plan(DEFAULT_URL).items();
        let item = items.iter().find(|item| matches!(item.thing, Thing::Link(_))).unwrap();
        let path = below(root.path(), &item.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink("/usr/lib/cni/other", &path).unwrap();
        assert_eq!(remove(root.path(), item).unwrap(), Outcome::Absent);
        assert!(fs::symlink_metadata(&path).is_ok());
    }
}
