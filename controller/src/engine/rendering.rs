//! The bytes a document was last rendered to, for as long as they are true.

use super::reading::Dependency;
use crate::resources::version::Version;
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use std::sync::Arc;

/// Cache of one document. Replaced together with whatever makes its content untrue.
#[derive(Debug, Default)]
pub(crate) struct Rendering(ArcSwapOption<Rendered>);

impl Clone for Rendering {
    /// A document that changes is rendered anew.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Rendering {
    /// What was rendered last, if it was for this version.
    pub(crate) fn get(&self, version: Version) -> Option<Arc<Rendered>> {
        self.0.load_full().filter(|rendered| rendered.version == version)
    }

    pub(crate) fn set(&self, rendered: Arc<Rendered>) {
        self.0.store(Some(rendered));
    }
}

/// One rendering.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) version: Version,
    pub(crate) bytes: Bytes,
    /// What the bytes depend on besides the document.
    pub(crate) depends_on: Vec<Dependency>,
}
