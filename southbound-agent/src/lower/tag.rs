//! Names by content for the engine's objects, so that what is programmed can be compared without reading it whole.

use sha2::{Digest, Sha256};
use std::fmt::Write;
use vfp::Tag;

/// Sums up everything that an object was made from.
pub(super) struct TagBuilder(Sha256);

impl TagBuilder {
    pub(super) fn new() -> Self {
        Self(Sha256::new())
    }

    /// Adds a part by its text form.
    pub(super) fn add(mut self, part: impl std::fmt::Display) -> Self {
        // Hashing cannot fail. The separator keeps neighbours apart; no text form has it.
        writeln!(HashWriter(&mut self.0), "{part}").ok();
        self
    }

    pub(super) fn number(self) -> u128 {
        let digest = self.0.finalize();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        u128::from_be_bytes(half)
    }

    pub(super) fn tag(self) -> Tag {
        Tag(self.number())
    }
}

struct HashWriter<'a>(&'a mut Sha256);

impl Write for HashWriter<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.update(text);
        Ok(())
    }
}
