//! Where a document is: its path in lower case.

use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// Path of a document below `/networking/<version>`, in lower case: `/virtualnetworks/blue/subnets/web`. Paths that differ
/// in case alone name the same document. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(Arc<str>);

impl Key {
    /// The key of a path in any case.
    pub fn new(path: &str) -> Self {
        Self(match path.chars().any(char::is_uppercase) {
            true => path.to_lowercase().into(),
            false => path.into(),
        })
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `root` or below it.
    pub fn is_within(&self, root: &Self) -> bool {
        self.0.strip_prefix(&*root.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The document that this one is embedded in, if any.
    pub fn parent(&self) -> Option<Self> {
        let (collection, _) = self.0.rsplit_once('/')?;
        let (parent, _) = collection.rsplit_once('/')?;
        (!parent.is_empty()).then(|| Self(parent.into()))
    }

    /// The top-level document of the tree.
    pub fn root(&self) -> Self {
        match self.0.match_indices('/').nth(2) {
            Some((end, _)) => Self(self.0[..end].into()),
            None => self.clone(),
        }
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}
