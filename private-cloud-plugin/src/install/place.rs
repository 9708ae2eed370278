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
pub enum InstallError {
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
    /// A link in an image that is right once the image runs, and leads into this machine until then.
    #[error(
        "{path} leads out of {root} by a symbolic link, to {found}; make that link relative, or install in the running VM"
    )]
    Outside {
        /// Where the item belongs.
        path: PathBuf,
        /// What it must be below.
        root: PathBuf,
        /// Where its directory is.
        found: PathBuf,
    },
}

/// Makes `item` so below `root`; `program` is the file of this program. Nobody ever sees half of it.
///
/// # Errors
/// Those of the file system.
pub fn make(root: &Path, item: &Item, program: &Path) -> Result<Outcome, InstallError> {
    let path = below(root, &item.path);
    let failed = |verb| failure(verb, &path);
    stay_below(root, &path)?;
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
    stay_below(root, &path)?;
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

/// What there is of the directories of `path` is below `root`, wherever links lead.
fn stay_below(root: &Path, path: &Path) -> Result<(), InstallError> {
    let Some(directory) = path.ancestors().skip(1).find(|ancestor| fs::symlink_metadata(ancestor).is_ok()) else {
        return Ok(());
    };
    let real = |path: &Path| fs::canonicalize(path).map_err(failure("find", path));
    let (found, real_root) = (real(directory)?, real(root)?);
    if found.starts_with(real_root) {
        return Ok(());
    }
    Err(InstallError::Outside { path: path.to_owned(), root: root.to_owned(), found })
}

fn failure(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> InstallError + use<> {
    let path = path.to_owned();
    move |source| InstallError::Io { verb, path, source }
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
    fn a_link_in_an_image_does_not_lead_into_this_machine() {
        let (root, machine) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let items = plan(DEFAULT_URL).items();
        symlink(machine.path(), root.path().join("etc")).unwrap();
        let item = items.iter().find(|item| item.path.starts_with("/etc")).unwrap();
        let made = make(root.path(), item, Path::new("/proc/self/exe"));
        assert!(matches!(made, Err(InstallError::Outside { .. })), "{made:?}");
        assert!(matches!(remove(root.path(), item), Err(InstallError::Outside { .. })));
        assert_eq!(fs::read_dir(machine.path()).unwrap().count(), 0);
        // Within the image a link may lead where it likes.
        fs::remove_file(root.path().join("etc")).unwrap();
        fs::create_dir(root.path().join("usr-etc")).unwrap();
        symlink("usr-etc", root.path().join("etc")).unwrap();
        assert_eq!(make(root.path(), item, Path::new("/proc/self/exe")).unwrap(), Outcome::Made);
        assert_eq!(remove(root.path(), item).unwrap(), Outcome::Removed);
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
