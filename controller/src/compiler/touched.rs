//! What a revision touches, noted by the first pass and served by the second.

use super::span::Item;
use policy::ids::{AclId, HostId, NetworkId, NicId};
use policy::mapping::ShardId;
use std::collections::{BTreeMap, BTreeSet};

/// Notes of one revision.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Hosts whose own section may differ.
    pub(super) hosts: BTreeSet<HostId>,
    /// NICs whose port may differ, with the host that had it before the revision.
    pub(super) ports: BTreeMap<NicId, Option<HostId>>,
    /// Lists that changed.
    pub(super) acls: BTreeSet<AclId>,
    /// Networks whose routes changed.
    pub(super) networks: BTreeSet<NetworkId>,
    /// Shards with a row that came, went, or shows another provider address.
    pub(super) shards: BTreeSet<(NetworkId, ShardId)>,
    /// Who entered or left a span, with whether it was in the span before the revision.
    pub(super) spans: BTreeMap<(Item, HostId), bool>,
    /// Sections that the first pass serialised.
    pub(super) rendered: usize,
}
