//! Files in the repository that rendered documents are compared with.

use std::path::Path;

/// Set to write the files instead of comparing with them; look at the difference before committing it.
const REWRITE: &str = "UPDATE_SNAPSHOTS";

/// Fails unless the file `snapshots/<name>` holds `text`.
#[track_caller]
pub(crate) fn assert_snapshot(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots").join(name);
    if std::env::var_os(REWRITE).is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(stored, text, "snapshots/{name} differs; {REWRITE}=1 writes it anew");
}
