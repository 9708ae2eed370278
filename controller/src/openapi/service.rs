//! Paths that are no documents: operations, and what tells of the service itself.

use super::operations::answer;
use super::versions;
use crate::resources::version::Version;
use serde_json::{Map, Value, json};

/// Tag of these paths.
pub(super) const TAG: &str = "service";

/// Adds the paths.
pub(super) fn add(paths: &mut Map<String, Value>) {
    let get =
        |id: &str, responses: Value| json!({ "get": { "operationId": id, "tags": [TAG], "responses": responses } });
    let text = |description: &str, kind: &str| json!({ "description": description, "content": { kind: { "schema": { "type": "string" } } } });
    let missing = json!({ "$ref": "#/components/responses/404" });
    let version = json!({ "name": "version", "in": "path", "required": true,
        "schema": { "type": "string", "enum": versions(Version::V1) } });
    let operation = json!({ "name": "operationId", "in": "path", "required": true,
        "schema": { "type": "string", "format": "uuid" } });

    let status = answer("How the operation stands.", "Operation", &["x-ms-request-id"]);
    let mut operations = get("get.operations", json!({ "200": status, "404": missing.clone() }));
    operations["parameters"] = json!([version, operation]);
    paths.insert("/networking/{version}/operations/{operationId}".to_owned(), operations);

    let outcome =
        json!({ "description": "The document that the operation wrote.", "content": { "application/json": {} } });
    let gone = json!({ "description": "The operation deleted the document." });
    let mut results = get("get.operationResults", json!({ "200": outcome, "204": gone, "404": missing }));
    results["parameters"] = json!([version, operation]);
    paths.insert("/networking/{version}/operationResults/{operationId}".to_owned(), results);

    let unavailable = json!({ "$ref": "#/components/responses/503" });
    for (path, id, responses) in [
        ("/healthz", "get.health", json!({ "200": { "description": "The process runs." } })),
        ("/readyz", "get.readiness", json!({ "200": { "description": "Writes can be kept." }, "503": unavailable })),
        ("/metrics", "get.metrics", json!({ "200": text("Counters in the Prometheus text format.", "text/plain") })),
        (
            "/openapi.json",
            "get.openapi",
            json!({ "200": { "description": "This document.", "content": { "application/json": {} } } }),
        ),
    ] {
        paths.insert(path.to_owned(), get(id, responses));
    }
}
