//! Identifiers. Each kind is its own type, so that a network can never be passed where a port is meant.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

uuid_id! {
    /// `networkInterfaces.instanceId`: the profile id that a host port carries.
    NicId
}
uuid_id! {
    /// `accessControlLists.instanceId`.
    AclId
}
uuid_id! {
    /// Routing domain (RDID): `virtualNetworks.instanceId`.
    NetworkId
}
uuid_id! {
    /// `instanceId` of a virtual subnet.
    SubnetId
}
uuid_id! {
    /// `servers.instanceId`, which the host knows as its HostId.
    HostId
}
uuid_id! {
    /// A virtual machine, as its host names it.
    VmId
}
uuid_id! {
    /// One life of a controller's database. Generations of different epochs cannot be compared.
    Epoch
}
uuid_id! {
    /// One attachment of a port. A port that is detached and attached again has a new one, so that the controller can
    /// tell the arrival of a migrated VM from the repetition of an old report.
    AttachId
}

/// A revision of the controller's store. Grows with every accepted write; never reused within one [`Epoch`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
