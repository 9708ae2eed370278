//! Collections of the API that are not served yet. They answer as if nobody had put anything there. Serving one moves its
//! line from here to [`super::COLLECTIONS`].

use super::version::Version::{self, V1, V3, V5, V6};

/// A collection, or a group of documents with fixed ids, that is not served.
#[derive(Debug)]
pub struct Unserved {
    /// Path below the version; for children with the collection of the parent in front.
    pub name: &'static str,
    /// Older URI versions answer 404.
    pub since: Version,
    /// Whether GET lists it; else there is one document, which does not exist.
    pub listed: bool,
}

const fn list(name: &'static str, since: Version) -> Unserved {
    Unserved { name, since, listed: true }
}

const fn single(name: &'static str, since: Version) -> Unserved {
    Unserved { name, since, listed: false }
}

static UNSERVED: &[Unserved] = &[
    single("auditingSettings/configuration", V3),
    single("diagnostics/connectivityCheck", V1),
    list("diagnostics/connectivityCheckResults", V1),
    single("diagnostics/networkControllerState", V1),
    single("diagnostics/slbState", V1),
    list("diagnostics/slbStateResults", V1),
    list("gatewayPools", V1),
    list("gateways", V1),
    single("iDnsServer/configuration", V1),
    list("internalResourceInstances", V1),
    list("learnedIPAddresses", V5),
    single("loadBalancerManager/config", V1),
    list("loadBalancerMuxes", V1),
    list("loadBalancers", V1),
    single("monitoring/networkControllerStatistics", V1),
    single("multisite/configuration", V6),
    single("multisitePrimary/configuration", V6),
    list("networkControllerBackup", V1),
    list("networkControllerRestore", V1),
    list("publicIPAddresses", V1),
    list("routeTables", V1),
    list("securityTags", V5),
    list("serviceInsertions", V1),
    single("subnetEgressReset", V1),
    list("virtualGateways", V1),
    list("virtualNetworks/virtualNetworkPeerings", V3),
];

/// The unserved collection that the first segments name, in any case, and the segments below it.
pub fn find<S: AsRef<str>>(segments: &[S]) -> Option<(&'static Unserved, &[S])> {
    UNSERVED.iter().find_map(|unserved| {
        let length = unserved.name.split('/').count();
        let (head, rest) = segments.split_at_checked(length)?;
        let same =
            unserved.name.split('/').zip(head).all(|(name, segment)| name.eq_ignore_ascii_case(segment.as_ref()));
        same.then_some((unserved, rest))
    })
}

/// The unserved child collection of a served one.
pub fn find_child(parent: &str, segment: &str) -> Option<&'static Unserved> {
    UNSERVED.iter().find(|unserved| {
        let child = unserved.name.strip_prefix(parent).and_then(|rest| rest.strip_prefix('/'));
        child.is_some_and(|child| child.eq_ignore_ascii_case(segment))
    })
}
