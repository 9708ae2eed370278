//! Every path of the API. Contract section 1.

use crate::engine::world::Key;
use crate::engine::write::Address;
use crate::resources::catalogue::{self, Unserved};
use crate::resources::schema::{Collection, Identity};
use crate::resources::version::Version;
use crate::resources::{COLLECTIONS, discovery};
use std::borrow::Cow;
use uuid::Uuid;

/// What a path names.
#[derive(Debug)]
pub(super) enum Route {
    /// `/healthz`: the process runs.
    Health,
    /// `/readyz`: writes can be kept.
    Ready,
    /// `/metrics`
    Metrics,
    /// `/openapi.json`
    OpenApi,
    /// `/networking/<version>/operations/<id>`
    Operation(Uuid),
    /// `/networking/<version>/operationResults/<id>`
    OperationResult(Uuid),
    /// `/networking/<version>/<collection>/<id>...`, `/networking/discovery`
    Document(Address),
    /// `/networking/<version>/<collection>`, or a child collection below its parent.
    List(List),
    /// Something that is not served yet: the list itself, or a document below.
    Unserved {
        what: &'static Unserved,
        /// The document that an unserved child collection belongs to.
        parent: Option<(&'static Collection, Key)>,
        list: bool,
    },
}

/// All documents of a collection, or of one child collection of one document.
#[derive(Debug)]
pub(super) struct List {
    pub(super) version: Version,
    pub(super) collection: &'static Collection,
    pub(super) parent: Option<(&'static Collection, Key)>,
}

/// What a raw URI path names; `None`: nothing.
pub(super) fn route(path: &str) -> Option<Route> {
    match path {
        "/healthz" => return Some(Route::Health),
        "/readyz" => return Some(Route::Ready),
        "/metrics" => return Some(Route::Metrics),
        "/openapi.json" => return Some(Route::OpenApi),
        _ => {}
    }
    let path = path.strip_prefix('/')?;
    let path = path.strip_suffix('/').unwrap_or(path);
    let segments = path.split('/').map(percent_decoded).collect::<Option<Vec<_>>>()?;
    let (networking, rest) = segments.split_first()?;
    if !networking.eq_ignore_ascii_case("networking") {
        return None;
    }
    let (first, rest) = rest.split_first()?;
    match (Version::parse(first), rest) {
        (Some(version), rest) => versioned(version, rest),
        // The one path without a version. Contract 12.6.
        (None, []) if first.eq_ignore_ascii_case(discovery::DISCOVERY.name) => {
            singleton(Version::LATEST, &discovery::DISCOVERY, &[])
        }
        _ => None,
    }
}

fn versioned(version: Version, segments: &[Cow<'_, str>]) -> Option<Route> {
    let (first, rest) = segments.split_first()?;
    if let [id] = rest {
        if first.eq_ignore_ascii_case("operations") {
            return Uuid::parse_str(id).ok().map(Route::Operation);
        }
        if first.eq_ignore_ascii_case("operationResults") {
            return Uuid::parse_str(id).ok().map(Route::OperationResult);
        }
    }
    let served = COLLECTIONS.iter().find(|collection| collection.name.eq_ignore_ascii_case(first));
    match served {
        Some(collection) => match collection.identity {
            Identity::Client => below(version, collection, None, rest),
            Identity::Singleton { .. } => singleton(version, collection, rest),
        },
        None => {
            let (what, rest) = catalogue::find(segments).filter(|(what, _)| what.since <= version)?;
            Some(Route::Unserved { what, parent: None, list: rest.is_empty() && what.listed })
        }
    }
}

fn singleton(version: Version, collection: &'static Collection, rest: &[Cow<'_, str>]) -> Option<Route> {
    let Identity::Singleton { id, bare, .. } = collection.identity else {
        return None;
    };
    let named = match rest {
        [] => bare,
        [given] => given.eq_ignore_ascii_case(id),
        _ => false,
    };
    let address =
        || Address { version, collection, key: Key::new(&format!("/{}/{id}", collection.name)), id: id.to_owned() };
    (named && collection.since <= version).then(|| Route::Document(address()))
}

/// What `segments` name inside of a collection.
fn below(
    version: Version,
    collection: &'static Collection,
    parent: Option<(&'static Collection, Key)>,
    segments: &[Cow<'_, str>],
) -> Option<Route> {
    if collection.since > version {
        return None;
    }
    let Some((id, rest)) = segments.split_first() else {
        return Some(Route::List(List { version, collection, parent }));
    };
    let parent_key = parent.as_ref().map_or("", |(_, key)| key.as_str());
    let key = Key::new(&format!("{parent_key}/{}/{id}", collection.segment()));
    let Some((segment, rest)) = rest.split_first() else {
        return Some(Route::Document(Address { version, collection, key, id: id.clone().into_owned() }));
    };
    if let Some(child) = collection.children().find(|child| child.segment().eq_ignore_ascii_case(segment)) {
        return below(version, child, Some((collection, key)), rest);
    }
    let what = catalogue::find_child(collection.name, segment).filter(|what| what.since <= version)?;
    Some(Route::Unserved { what, parent: Some((collection, key)), list: rest.is_empty() })
}

/// Decodes `%xx` once; `None` when the outcome is no UTF-8 or an escape is incomplete.
fn percent_decoded(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.contains('%') {
        return Some(Cow::Borrowed(segment));
    }
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_no_case_and_may_end_in_a_slash() {
        for path in [
            "/networking/v1/virtualNetworks/Blue/subnets/a.b_c",
            "/Networking/V1/virtualnetworks/blue/Subnets/a.b_c",
            "/networking/v7.1/VIRTUALNETWORKS/blu%65/subnets/a.b_c/",
        ] {
            match route(path) {
                Some(Route::Document(address)) => {
                    assert_eq!(address.key.as_str(), "/virtualnetworks/blue/subnets/a.b_c", "{path}");
                    assert_eq!(address.collection.name, "virtualNetworks/subnets", "{path}");
                }
                other => panic!("{path}: {other:?}"),
            }
        }
        for path in ["/networking/v1/networkInterfaces", "/networking/V4.2/networkinterfaces/"] {
            assert!(matches!(route(path), Some(Route::List(List { parent: None, .. }))), "{path}");
        }
    }

    #[test]
    fn singletons_are_found_at_their_fixed_id_only() {
        for path in
            ["/networking/discovery", "/networking/v3/discovery", "/networking/v1/virtualSwitchManager/Configuration"]
        {
            assert!(matches!(route(path), Some(Route::Document(_))), "{path}");
        }
        for path in [
            "/networking/v1/virtualSwitchManager",
            "/networking/v1/virtualSwitchManager/config",
            "/networking/v1/discovery",
        ] {
            assert!(route(path).is_none(), "{path}");
        }
    }

    #[test]
    fn what_is_no_path_of_the_api_is_unknown() {
        for path in [
            "",
            "/",
            "/networking",
            "/networking/v1",
            "/networking/v9/servers",
            "/networking/v1/hosts",
            "/networking/v1/servers/a/b",
            "/networking/v1/servers/a%2",
            "/networking/v1/servers/%ff",
            "/networking/v2/learnedIPAddresses",
            "/networking/v2/virtualNetworks/blue/virtualNetworkPeerings",
            "/networking/servers",
        ] {
            assert!(route(path).is_none(), "{path}: {:?}", route(path));
        }
    }

    #[test]
    fn unserved_collections_are_known_from_their_version_on() {
        for (path, list) in [
            ("/networking/v1/loadBalancers", true),
            ("/networking/v1/loadBalancers/a/probes/b", false),
            ("/networking/v1/iDNSServer/configuration", false),
            ("/networking/v5/securityTags/", true),
            ("/networking/v3/virtualNetworks/blue/virtualNetworkPeerings", true),
        ] {
            match route(path) {
                Some(Route::Unserved { list: found, .. }) => assert_eq!(found, list, "{path}"),
                other => panic!("{path}: {other:?}"),
            }
        }
    }
}
