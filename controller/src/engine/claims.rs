//! Names that only one document may own: addresses of a network, MACs, VSIDs.

use super::world::Key;
use crate::resources::allocation::Taken;
use imbl::{OrdMap, OrdSet};
use std::net::IpAddr;
use uuid::Uuid;

/// Milliseconds since 1970-01-01 UTC.
pub type Timestamp = i64;

/// What kind of name. The number of a [`Claim`] is the value itself: address, MAC or VSID as an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimKind {
    /// IPv4 address; the scope is the `instanceId` of the virtual or logical network.
    Ipv4,
    /// IPv6 address; scope as for IPv4.
    Ipv6,
    /// MAC address; one scope for all, the nil UUID.
    Mac,
    /// Virtual subnet id; scope as for MACs.
    Vsid,
}

impl ClaimKind {
    /// The kind that an address is.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }
}

/// One name. Unique by its key in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim {
    /// What kind of name.
    pub kind: ClaimKind,
    /// Within what it is unique.
    pub scope: Uuid,
    /// The name.
    pub number: u128,
}

/// Who owns a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The document, or the last one that owned it.
    pub owner: Key,
    /// When it was released; allocation avoids it until the hold-off is over.
    pub released_at: Option<Timestamp>,
}

/// All names, persistent.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    held: OrdMap<Claim, Holder>,
    /// Numbers of `held`, released ones included, by kind and scope.
    taken: OrdMap<(ClaimKind, Uuid), Taken>,
    /// Released ones, oldest first.
    released: OrdSet<(Timestamp, Claim)>,
}

impl Claims {
    /// Owner of a name, or its last owner during the hold-off.
    pub fn holder(&self, claim: &Claim) -> Option<&Holder> {
        self.held.get(claim)
    }

    /// Numbers that cannot be allocated: owned, or in hold-off.
    pub fn taken(&self, kind: ClaimKind, scope: Uuid) -> Taken {
        self.taken.get(&(kind, scope)).cloned().unwrap_or_default()
    }

    /// How many numbers of the range are owned, and how many are in hold-off. O(names in the range).
    pub fn usage(&self, kind: ClaimKind, scope: Uuid, first: u128, last: u128) -> (u64, u64) {
        let range = Claim { kind, scope, number: first }..=Claim { kind, scope, number: last };
        self.held.range(range).fold((0, 0), |(owned, released), (_, holder)| match holder.released_at {
            None => (owned + 1, released),
            Some(_) => (owned, released + 1),
        })
    }

    /// Makes `holder` the holder of `claim`.
    pub(crate) fn set(&mut self, claim: Claim, holder: Holder) {
        let released_at = holder.released_at;
        match self.held.insert(claim, holder) {
            Some(Holder { released_at: Some(at), .. }) => {
                self.released.remove(&(at, claim));
            }
            Some(_) => {}
            None => {
                self.taken.entry((claim.kind, claim.scope)).or_default().insert(claim.number);
            }
        }
        if let Some(at) = released_at {
            self.released.insert((at, claim));
        }
    }

    /// Forgets names that were released before `limit`, and returns them.
    pub(crate) fn expire(&mut self, limit: Timestamp) -> Vec<Claim> {
        let mut expired = Vec::new();
        while let Some(&(at, claim)) = self.released.get_min().filter(|(at, _)| *at < limit) {
            self.released.remove(&(at, claim));
            self.held.remove(&claim);
            if let Some(taken) = self.taken.get_mut(&(claim.kind, claim.scope)) {
                taken.remove(claim.number);
            }
            expired.push(claim);
        }
        expired
    }
}
