//! Version tokens of the API. [MS-NCNBI 1.7], contract section 1.

use std::fmt;

/// A version of the API, oldest first. Every resource is reachable through its own and every later version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the tokens")]
pub enum Version {
    V1,
    V2,
    V3,
    V3_1,
    V3_2,
    V4,
    V4_2,
    V5,
    V6,
    V6_1,
    V7,
    V7_1,
}

impl Version {
    /// Every version, oldest first.
    pub const ALL: [Self; 12] = [
        Self::V1,
        Self::V2,
        Self::V3,
        Self::V3_1,
        Self::V3_2,
        Self::V4,
        Self::V4_2,
        Self::V5,
        Self::V6,
        Self::V6_1,
        Self::V7,
        Self::V7_1,
    ];

    /// The newest.
    pub const LATEST: Self = Self::V7_1;

    /// What stands in URIs: `v3.1`.
    pub const fn token(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::V3 => "v3",
            Self::V3_1 => "v3.1",
            Self::V3_2 => "v3.2",
            Self::V4 => "v4",
            Self::V4_2 => "v4.2",
            Self::V5 => "v5",
            Self::V6 => "v6",
            Self::V6_1 => "v6.1",
            Self::V7 => "v7",
            Self::V7_1 => "v7.1",
        }
    }

    /// The version that `token` names, in any case.
    pub fn parse(token: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.token().eq_ignore_ascii_case(token))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.token())
    }
}
