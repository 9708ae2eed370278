//! OpenAPI document, generated from the schemas that the server routes with.
