//! Names that the caller gives to objects.

use std::fmt;

/// Name of a port, chosen by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortId(pub u128);

/// Name of a routing domain, chosen by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkId(pub u128);

/// Opaque mark that the caller sets on an object and reads back, for example a content hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u128);

impl fmt::Display for PortId {
    /// As a GUID: that is what callers name ports by.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032x}", self.0);
        let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|group| &hex[group]);
        f.write_str(&groups.join("-"))
    }
}
