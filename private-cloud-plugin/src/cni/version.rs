//! The versions of the CNI specification that the plugin speaks.

use std::fmt;
use std::str::FromStr;

/// A version of the specification. Later versions are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpecVersion {
    /// 0.3.1: ADD and DEL; each address says its family.
    V0_3_1,
    /// 0.4.0: CHECK, and `prevResult` on DEL.
    V0_4_0,
    /// 1.0.0: addresses without their family.
    V1_0_0,
    /// 1.1.0: GC, STATUS, and the MTU of interfaces.
    V1_1_0,
}

/// A text that names no version that the plugin speaks.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("CNI version '{text}' is not supported; supported are {supported}", text = .0, supported = SpecVersion::list())]
pub struct UnsupportedVersion(String);

impl SpecVersion {
    /// All versions, oldest first.
    pub const ALL: [Self; 4] = [Self::V0_3_1, Self::V0_4_0, Self::V1_0_0, Self::V1_1_0];

    /// The one that is spoken where the caller names none.
    pub const NEWEST: Self = Self::V1_1_0;

    /// As documents write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::V0_3_1 => "0.3.1",
            Self::V0_4_0 => "0.4.0",
            Self::V1_0_0 => "1.0.0",
            Self::V1_1_0 => "1.1.0",
        }
    }

    fn list() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl fmt::Display for SpecVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SpecVersion {
    type Err = UnsupportedVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|version| version.name() == text);
        known.ok_or_else(|| UnsupportedVersion(text.to_owned()))
    }
}
