//! What can be done with the documents of a collection. Contract sections 1, 3 and 6.

use super::schemas::{list_name, name, named};
use super::versions;
use crate::resources::schema::{Collection, Identity, Untouched, Writes};
use serde_json::{Map, Value, json};

/// Adds the paths of a collection.
pub(super) fn add(collection: &'static Collection, ancestors: &[&'static Collection], paths: &mut Map<String, Value>) {
    let mut parameters = vec![version(collection)];
    let mut path = String::from("/networking/{version}");
    for ancestor in ancestors {
        let parent = id_parameter(ancestor);
        path = format!("{path}/{}/{{{parent}}}", ancestor.segment());
        parameters.push(id(&parent));
    }
    path = format!("{path}/{}", collection.segment());
    let root = ancestors.first().copied().unwrap_or(collection);
    let operations = Operations { collection, tag: root.name };
    match collection.identity {
        Identity::Client => {
            paths.insert(path.clone(), json!({ "parameters": parameters, "get": operations.list() }));
            parameters.push(id("resourceId"));
            paths.insert(format!("{path}/{{resourceId}}"), operations.on_document(&parameters));
        }
        Identity::Singleton { bare: true, .. } => {
            paths.insert(path, operations.on_document(&parameters));
            let mut unversioned = operations.on_document(&[]);
            unversioned["get"]["operationId"] = json!(format!("get.{}.unversioned", name(collection)));
            paths.insert(format!("/networking/{}", collection.segment()), unversioned);
        }
        Identity::Singleton { id, .. } => {
            paths.insert(format!("{path}/{id}"), operations.on_document(&parameters));
        }
    }
}

/// `virtualNetworkId` for `virtualNetworks`.
fn id_parameter(collection: &Collection) -> String {
    let segment = collection.segment();
    format!("{}Id", segment.strip_suffix('s').unwrap_or(segment))
}

fn version(collection: &Collection) -> Value {
    let schema = json!({ "type": "string", "enum": versions(collection.since) });
    json!({ "name": "version", "in": "path", "required": true, "schema": schema })
}

fn id(name: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1, "maxLength": 256 } })
}

struct Operations {
    collection: &'static Collection,
    tag: &'static str,
}

impl Operations {
    fn list(&self) -> Value {
        let mut responses =
            json!({ "200": answer("Every document.", &list_name(self.collection), &["x-ms-request-id"]) });
        self.refusals(&mut responses, &["404"]);
        self.operation("list", &[], responses)
    }

    fn on_document(&self, parameters: &[Value]) -> Value {
        let mut operations = json!({ "get": self.get() });
        if !parameters.is_empty() {
            operations["parameters"] = parameters.into();
        }
        if self.collection.writes != Writes::Nothing {
            operations["put"] = self.put();
        }
        if self.collection.writes == Writes::PutAndDelete {
            operations["delete"] = self.delete();
        }
        operations
    }

    fn get(&self) -> Value {
        let text = match self.collection.identity {
            Identity::Singleton { untouched: Untouched::Defaults { .. }, .. } => {
                "The document; before the first PUT its defaults, without resourceId and etag."
            }
            _ => "The document.",
        };
        let mut responses = json!({ "200": answer(text, &name(self.collection), &["ETag", "x-ms-request-id"]) });
        self.refusals(&mut responses, &["404"]);
        self.operation("get", &[], responses)
    }

    fn put(&self) -> Value {
        let headers = [
            "ETag",
            "x-ms-request-id",
            "Azure-AsyncOperation",
            "x-nc-generation",
            "x-nc-enforced",
            "Preference-Applied",
        ];
        let mut responses = json!({
            "200": answer("Replaced, or left as it was when the body says nothing new.", &name(self.collection), &headers),
            "201": answer("Created.", &name(self.collection), &headers),
        });
        self.refusals(&mut responses, &["400", "404", "409", "412", "413", "503"]);
        let mut put =
            self.operation("put", &["If-Match", "If-None-Match", "Prefer", "x-ms-client-request-id"], responses);
        let schema = named(&name(self.collection));
        put["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        put
    }

    fn delete(&self) -> Value {
        let headers =
            ["x-ms-request-id", "Azure-AsyncOperation", "x-nc-generation", "x-nc-enforced", "Preference-Applied"];
        let headers: Map<String, Value> = headers.into_iter().map(header).collect();
        let mut responses = json!({
            "200": { "description": "Deleted, with everything below.", "headers": headers },
            "204": { "description": "There was nothing to delete." },
        });
        self.refusals(&mut responses, &["409", "412", "503"]);
        self.operation("delete", &["If-Match", "Prefer", "x-ms-client-request-id"], responses)
    }

    fn refusals(&self, responses: &mut Value, statuses: &[&str]) {
        for status in statuses {
            responses[*status] = json!({ "$ref": format!("#/components/responses/{status}") });
        }
    }

    fn operation(&self, verb: &str, parameters: &[&str], responses: Value) -> Value {
        let id = format!("{verb}.{}", name(self.collection));
        let mut operation = json!({ "operationId": id, "tags": [self.tag], "responses": responses });
        if !parameters.is_empty() {
            let parameter = |name: &&str| json!({ "$ref": format!("#/components/parameters/{name}") });
            operation["parameters"] = parameters.iter().map(parameter).collect();
        }
        operation
    }
}

/// An answer with a body.
pub(super) fn answer(description: &str, schema: &str, headers: &[&'static str]) -> Value {
    let headers: Map<String, Value> = headers.iter().copied().map(header).collect();
    json!({ "description": description, "headers": headers, "content": { "application/json": { "schema": named(schema) } } })
}

fn header(name: &'static str) -> (String, Value) {
    (name.to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }))
}

/// `components.parameters`.
pub(super) fn parameters() -> Value {
    let parameter = |name: &str, description: &str| json!({ "name": name, "in": "header", "schema": { "type": "string" }, "description": description });
    let all = [
        ("If-Match", "Do it only if the document exists ('*'), or has this etag."),
        ("If-None-Match", "'*': do it only if the document does not exist."),
        (
            "Prefer",
            "'wait=N': answer when every host that has to enforce the change has confirmed it, or after N seconds. RFC 7240.",
        ),
        ("x-ms-client-request-id", "Two writes with one id are one write: the second gets the answer of the first."),
    ];
    all.into_iter()
        .map(|(name, description)| (name.to_owned(), parameter(name, description)))
        .collect::<Map<_, _>>()
        .into()
}

/// `components.headers`.
pub(super) fn headers() -> Value {
    let header = |description: &str| json!({ "schema": { "type": "string" }, "description": description });
    let all = [
        ("ETag", "As the etag of the document."),
        ("x-ms-request-id", "Id of the request; of a write also of its operation."),
        ("Azure-AsyncOperation", "Where the operation can be read."),
        ("x-nc-generation", "Revision in which the write became visible."),
        ("x-nc-enforced", "Answer to 'Prefer: wait': all, partial or none of the hosts concerned have confirmed."),
        ("Preference-Applied", "The preference that was honoured."),
    ];
    all.into_iter().map(|(name, description)| (name.to_owned(), header(description))).collect::<Map<_, _>>().into()
}

/// `components.responses`: refusals by status.
pub(super) fn responses() -> Value {
    let refusal = |description: &str| json!({ "description": description, "content": { "application/json": { "schema": named("Error") } } });
    let all = [
        ("400", "The request breaks a rule; error.code says which."),
        ("404", "There is no such document, or not in this version."),
        ("409", "The document is in use."),
        ("412", "If-Match or If-None-Match does not hold."),
        ("413", "The body is too large."),
        ("503", "Writes cannot be kept now; nothing has changed."),
    ];
    all.into_iter().map(|(status, description)| (status.to_owned(), refusal(description))).collect::<Map<_, _>>().into()
}
