//! OpenAPI 3.1 document of the northbound API, generated from the schemas that the server routes with: it cannot say
//! anything else than the server does.

mod operations;
mod schemas;
mod service;

use crate::resources::COLLECTIONS;
use crate::resources::schema::Collection;
use crate::resources::version::Version;
use serde_json::{Map, Value, json};

const ABOUT: &str = "Northbound API of the network controller, compatible with clients of MS-NCNBI. \
Paths, member names and enumerations are read in any case and shown as written here. Numbers and booleans may be sent as \
text, a single value where a list is expected, and a whole document where a reference is expected; null counts as absent, \
unknown and read-only members are ignored. PUT creates or replaces: what is absent returns to its default. Members that are \
newer than the version in the URI are left out of answers, and keep their value on PUT. Collections of MS-NCNBI that are \
not listed here answer as empty.";

/// The document.
pub fn document() -> Value {
    let mut paths = Map::new();
    let mut schemas = schemas::common();
    for collection in COLLECTIONS {
        visit(collection, &[], &mut |collection, ancestors| {
            operations::add(collection, ancestors, &mut paths);
            schemas.insert(schemas::name(collection), schemas::document(collection));
            if schemas::is_listed(collection) {
                schemas.insert(schemas::list_name(collection), schemas::list(collection));
            }
        });
    }
    service::add(&mut paths);
    let tags = COLLECTIONS.iter().map(|collection| json!({ "name": collection.name }));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Network controller, northbound",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags.chain([json!({ "name": service::TAG })]).collect::<Value>(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": operations::parameters(),
            "headers": operations::headers(),
            "responses": operations::responses(),
        },
    })
}

/// Visits a collection and everything below it, with the collections on the way down.
fn visit(
    collection: &'static Collection,
    ancestors: &[&'static Collection],
    visitor: &mut impl FnMut(&'static Collection, &[&'static Collection]),
) {
    visitor(collection, ancestors);
    let below = [ancestors, &[collection]].concat();
    collection.children().for_each(|child| visit(child, &below, visitor));
}

/// Tokens of the versions that know what came with `since`.
fn versions(since: Version) -> Value {
    Version::ALL.into_iter().filter(|version| *version >= since).map(Version::token).collect()
}

#[cfg(test)]
mod tests;
