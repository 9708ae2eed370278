//! Schemas of documents and of what they are made of.

use crate::resources::schema::{Access, Collection, Default, Identity, Kind, MacForm, Property, Writes};
use crate::resources::version::Version;
use serde_json::{Map, Value, json};

/// Name of a document's schema: `virtualNetworks.subnets`.
pub(super) fn name(collection: &Collection) -> String {
    collection.name.replace('/', ".")
}

/// Name of the schema of a list.
pub(super) fn list_name(collection: &Collection) -> String {
    format!("{}.list", name(collection))
}

/// Whether a collection has more than one document.
pub(super) fn is_listed(collection: &Collection) -> bool {
    collection.identity == Identity::Client
}

/// A reference to a schema.
pub(super) fn named(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// What collections share.
pub(super) fn common() -> Map<String, Value> {
    let error = json!({
        "type": "object",
        "required": ["error"],
        "properties": { "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": { "type": "string", "description": "The only part that is stable." },
                "message": { "type": "string" },
                "target": { "type": "string", "description": "The property or resource at fault." },
                "innerError": { "type": "string" },
                "details": { "type": "array", "items": {
                    "type": "object",
                    "required": ["code", "message"],
                    "properties": { "code": { "type": "string" }, "message": { "type": "string" } },
                } },
            },
        } },
    });
    let reference = json!({
        "type": "object",
        "required": ["resourceRef"],
        "properties": { "resourceRef": {
            "type": "string", "description": "Path below the version.", "examples": ["/virtualNetworks/blue/subnets/web"],
        } },
    });
    let operation = json!({
        "type": "object",
        "required": ["status"],
        "properties": {
            "status": { "type": "string", "enum": ["InProgress", "Succeeded", "Failed", "Canceled"] },
            "error": { "type": "object" },
        },
    });
    let common = [("Error", error), ("Reference", reference), ("Operation", operation)];
    common.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

/// Answer to GET of a collection. Contract section 10.
pub(super) fn list(collection: &Collection) -> Value {
    json!({
        "type": "object",
        "required": ["nextLink"],
        "properties": {
            "value": {
                "type": "array", "items": named(&name(collection)), "minItems": 1,
                "description": "Absent when there is nothing to list.",
            },
            "nextLink": { "const": "", "description": "There are no pages." },
        },
    })
}

/// A document with its header. Contract section 2.
pub(super) fn document(collection: &Collection) -> Value {
    let server_made = |mut schema: Value| {
        schema["readOnly"] = true.into();
        schema
    };
    let mut properties = members(collection.properties);
    properties["properties"]["provisioningState"] =
        server_made(json!({ "type": "string", "enum": ["Succeeded", "Updating", "Deleting", "Failed"] }));
    let mut document = members(collection.extras);
    let header = [
        ("resourceRef", server_made(json!({ "type": "string" }))),
        ("resourceId", json!({ "type": "string", "minLength": 1, "maxLength": 256 })),
        ("instanceId", server_made(json!({ "type": "string", "format": "uuid" }))),
        ("etag", server_made(json!({ "type": "string", "examples": ["W/\"5b0c4a1e-0f53-4c39-9e0d-7b2a8f2b1c01\""] }))),
        ("tags", json!({ "type": "object", "description": "Kept as it is." })),
        ("resourceMetadata", json!({ "type": "object", "description": "Kept as it is." })),
        ("properties", properties),
    ];
    for (name, schema) in header {
        document["properties"][name] = schema;
    }
    if collection.since > Version::V1 {
        document["x-since"] = collection.since.token().into();
    }
    if collection.writes == Writes::PutAndDelete && is_listed(collection) {
        document["x-in-use-code"] = collection.in_use.to_string().into();
    }
    document
}

/// An object with these members.
fn members(schema: &'static [Property]) -> Value {
    let shown = || schema.iter().filter(|property| property.access != Access::Internal);
    let properties: Map<String, Value> = shown().map(|member| (member.name.to_owned(), property(member))).collect();
    let required: Vec<&str> = shown().filter(|member| is_required(member)).map(|member| member.name).collect();
    let mut object = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        object["required"] = required.into();
    }
    object
}

/// A secret that is not sent keeps its value, and so does a property that is fixed: only a new document needs them.
fn is_required(property: &Property) -> bool {
    property.required.is_some() && property.access == Access::ReadWrite
}

fn property(property: &'static Property) -> Value {
    let mut schema = kind(&property.kind);
    match property.access {
        Access::ReadWrite | Access::Internal => {}
        Access::Derived | Access::Assigned => schema["readOnly"] = true.into(),
        Access::Fixed(code) => schema["x-fixed"] = code.to_string().into(),
        Access::Secret => {
            schema["description"] =
                "A secret is answered with a placeholder; sending that, or nothing, keeps it.".into();
        }
    }
    match property.default {
        Some(Default::Text(text)) => schema["default"] = text.into(),
        Some(Default::Integer(number)) => schema["default"] = number.into(),
        Some(Default::Boolean(flag)) => schema["default"] = flag.into(),
        None => {}
    }
    if property.since > Version::V1 {
        schema["x-since"] = property.since.token().into();
    }
    if let Some(until) = property.until {
        schema["x-until"] = until.token().into();
    }
    for (name, code) in [
        ("x-invalid-code", property.invalid),
        ("x-required-code", property.required),
        ("x-too-new-code", property.too_new),
    ] {
        if let Some(code) = code {
            schema[name] = code.to_string().into();
        }
    }
    schema
}

fn kind(kind: &'static Kind) -> Value {
    match *kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Checked { what, .. } => json!({ "type": "string", "description": format!("A {what}.") }),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::BooleanText(yes, no) => json!({ "type": "string", "enum": [yes, no] }),
        Kind::Integer(min, max) => {
            let mut schema = json!({ "type": "integer" });
            for (name, bound, none) in [("minimum", min, i64::MIN), ("maximum", max, i64::MAX)] {
                if bound != none {
                    schema[name] = bound.into();
                }
            }
            schema
        }
        Kind::IntegerText(min, max) => {
            json!({ "type": "string", "pattern": "^[0-9]+$", "description": format!("A number from {min} to {max}.") })
        }
        Kind::Enum(words) => json!({ "type": "string", "enum": words }),
        Kind::EnumAsWritten(words) => {
            let description = format!("One of {}; answered in the case it was sent in.", words.join(", "));
            json!({ "type": "string", "description": description })
        }
        Kind::Guid => json!({ "type": "string", "format": "uuid" }),
        Kind::Mac(MacForm::Plain) => json!({ "type": "string", "pattern": "^[0-9A-F]{12}$" }),
        Kind::Mac(MacForm::Dashed) => json!({ "type": "string", "pattern": "^[0-9A-F]{2}(-[0-9A-F]{2}){5}$" }),
        Kind::Address => json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] }),
        Kind::Prefix => json!({ "type": "string", "description": "A prefix in CIDR notation." }),
        Kind::Reference(targets) => refers_to(targets.iter().copied()),
        Kind::List(of) => json!({ "type": "array", "items": self::kind(of) }),
        Kind::Object(schema) => members(schema),
        Kind::Children(collection) => json!({ "type": "array", "items": named(&name(collection)) }),
        Kind::Back { from, many } => {
            let reference = refers_to(from.iter().map(|(collection, _)| *collection));
            if many { json!({ "type": "array", "items": reference }) } else { reference }
        }
        Kind::Json => json!({}),
    }
}

fn refers_to(targets: impl Iterator<Item = &'static str>) -> Value {
    let mut schema = named("Reference");
    let mut targets: Vec<&str> = targets.collect();
    targets.dedup();
    schema["x-refers-to"] = targets.into();
    schema
}
