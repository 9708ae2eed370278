//! The document against the routes, itself, and the committed file.

use super::*;
use std::collections::BTreeSet;
use std::path::Path;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/northbound.v1.json");

/// `UPDATE_OPENAPI=1` rewrites the file instead.
#[test]
fn the_committed_document_is_the_generated_one() {
    let generated = format!("{:#}\n", document());
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(COMMITTED, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(Path::new(COMMITTED)).unwrap_or_default();
    assert!(committed == generated, "openapi/northbound.v1.json is out of date: run 'cargo xtask openapi'");
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|member| references(member, found));
            }
            _ => {}
        }
    }
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 20, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn every_parameter_of_a_path_is_declared() {
    for (path, operations) in document()["paths"].as_object().unwrap() {
        let named = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let declared = operations["parameters"].as_array().into_iter().flatten();
        let declared: BTreeSet<&str> = declared.filter_map(|parameter| parameter["name"].as_str()).collect();
        assert_eq!(named.collect::<BTreeSet<_>>(), declared, "{path}");
    }
}

#[test]
fn children_have_paths_of_their_own() {
    let document = document();
    for (path, methods) in [
        ("/networking/discovery", vec!["get"]),
        ("/networking/{version}/discovery", vec!["get"]),
        ("/networking/{version}/virtualNetworkManager/configuration", vec!["get", "put"]),
        ("/networking/{version}/accessControlLists", vec!["get"]),
        (
            "/networking/{version}/accessControlLists/{accessControlListId}/aclRules/{resourceId}",
            vec!["delete", "get", "put"],
        ),
        (
            "/networking/{version}/logicalNetworks/{logicalNetworkId}/subnets/{subnetId}/ipPools/{resourceId}",
            vec!["delete", "get", "put"],
        ),
    ] {
        let operations = document["paths"][path].as_object().unwrap_or_else(|| panic!("{path} is missing"));
        let found: Vec<&str> = operations.keys().map(String::as_str).filter(|key| *key != "parameters").collect();
        assert_eq!(found, methods, "{path}");
    }
    let schema = &document["components"]["schemas"]["servers"]["properties"]["properties"]["properties"];
    assert_eq!(schema.get("providerAddress"), None, "what is never shown is not described");
}
