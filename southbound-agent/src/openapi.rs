//! The API's description, OpenAPI 3.1. `openapi/agent.v1.json` is this document; a test compares them.

use crate::api::PATHS;
use policy::GOAL_STATE_VERSION;
use serde_json::{Map, Value, json};

/// The document. Bodies of sections are described by their kinds only: their types are in the `policy` crate, and an
/// agent takes them as text.
pub fn document() -> Value {
    let paths: Map<String, Value> = PATHS.iter().map(|path| (path.path.to_owned(), operations(path))).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Southbound agent",
            "version": format!("{GOAL_STATE_VERSION}"),
            "license": { "name": "MIT", "identifier": "MIT" },
            "description": "What a host agent serves to the controller, and to tools on its host. Only the controller dials.",
        },
        "paths": paths,
        "components": { "schemas": schemas() },
    })
}

/// One path of the API, as far as its description goes.
pub(crate) struct PathDescription {
    pub(crate) path: &'static str,
    pub(crate) operations: &'static [Operation],
}

/// One method of a path.
pub(crate) struct Operation {
    pub(crate) method: &'static str,
    pub(crate) summary: &'static str,
    /// Names, types and meanings.
    pub(crate) query: &'static [(&'static str, &'static str, &'static str)],
    /// Schema of the request body.
    pub(crate) body: Option<&'static str>,
    /// Status, meaning, schema. A schema `[X]` is a list of X, `text` is plain text.
    pub(crate) answers: &'static [(u16, &'static str, &'static str)],
}

fn operations(path: &PathDescription) -> Value {
    let mut item = Map::new();
    if path.path.contains("{profileId}") {
        let schema = json!({ "type": "string", "format": "uuid" });
        let parameter = json!({
            "name": "profileId", "in": "path", "required": true, "schema": schema,
            "description": "Profile id of the port: `instanceId` of its network interface.",
        });
        item.insert("parameters".to_owned(), json!([parameter]));
    }
    for operation in path.operations {
        item.insert(operation.method.to_owned(), describe(operation));
    }
    item.into()
}

fn describe(operation: &Operation) -> Value {
    let Operation { method: _, summary, query, body, answers } = operation;
    let mut described = json!({ "summary": summary });
    if !query.is_empty() {
        let parameter = |(name, kind, meaning): &(&str, &str, &str)| json!({ "name": name, "in": "query", "description": meaning, "schema": { "type": kind } });
        described["parameters"] = query.iter().map(parameter).collect();
    }
    if let Some(schema) = body {
        described["requestBody"] = json!({ "required": true, "content": content(schema) });
    }
    let mut responses: Map<String, Value> = answers
        .iter()
        .map(|(status, meaning, schema)| {
            (status.to_string(), json!({ "description": meaning, "content": content(schema) }))
        })
        .collect();
    responses.insert("default".to_owned(), json!({ "description": "Any error.", "content": content("Error") }));
    described["responses"] = responses.into();
    described
}

fn content(schema: &str) -> Value {
    match schema {
        "text" => json!({ "text/plain": { "schema": { "type": "string" } } }),
        _ => json!({ "application/json": { "schema": schema_of(schema) } }),
    }
}

/// `[X]` is a list, a lower-case name a type of JSON, anything else a named schema.
fn schema_of(name: &str) -> Value {
    match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(item) => json!({ "type": "array", "items": schema_of(item) }),
        None if name.starts_with(|first: char| first.is_ascii_lowercase()) => json!({ "type": name }),
        None => json!({ "$ref": format!("#/components/schemas/{name}") }),
    }
}

/// An object whose members are named types; `?` marks those that may be missing.
fn object(description: &str, members: &[(&str, &str, &str)]) -> Value {
    let name = |name: &str| name.trim_end_matches('?').to_owned();
    let member = |(key, kind, meaning): &(&str, &str, &str)| {
        let mut schema = match *kind {
            "uuid" => json!({ "type": "string", "format": "uuid" }),
            kind => schema_of(kind),
        };
        if !meaning.is_empty() {
            schema["description"] = (*meaning).into();
        }
        (name(key), schema)
    };
    let properties: Map<String, Value> = members.iter().map(member).collect();
    let required: Vec<String> =
        members.iter().filter(|(key, ..)| !key.ends_with('?')).map(|(key, ..)| name(key)).collect();
    json!({ "type": "object", "description": description, "properties": properties, "required": required })
}

fn schemas() -> Value {
    let in_force = json!({
        "description": "Epoch and generation; null for none.",
        "oneOf": [
            { "type": "null" },
            { "type": "array", "prefixItems": [{ "type": "string", "format": "uuid" }, { "type": "integer" }] },
        ],
    });
    json!({
        "ContentHash": {
            "type": "string", "pattern": "^[0-9a-f]{32}$",
            "description": "First half of the SHA-256 of a section's JSON text.",
        },
        "SectionKey": {
            "type": "string",
            "description": "host | port/<nic> | acl/<acl> | network/<rdid>/routes | network/<rdid>/mappings/<shard>",
        },
        "Generation": { "type": "integer", "minimum": 0, "description": "Revision of the controller's store." },
        "InForce": in_force,
        "Update": {
            "type": "object",
            "description": "What changed in the host's manifest since `base`; without `base`, `set` is the whole manifest.",
            "properties": {
                "version": { "const": GOAL_STATE_VERSION },
                "epoch": { "type": "string", "format": "uuid" },
                "generation": schema_of("Generation"),
                "base": schema_of("Generation"),
                "set": {
                    "type": "object", "propertyNames": schema_of("SectionKey"),
                    "additionalProperties": schema_of("ContentHash"),
                },
                "remove": schema_of("[SectionKey]"),
                "bodies": {
                    "type": "object", "propertyNames": schema_of("ContentHash"), "additionalProperties": true,
                    "description": "Texts of sections that the agent may lack, by content.",
                },
            },
            "required": ["version", "epoch", "generation", "set", "bodies"],
        },
        "Applied": object("The update is on disk and in force.", &[
            ("epoch", "uuid", ""),
            ("generation", "Generation", ""),
            ("ports", "[PortStatus]", "Ports whose status changed by this update."),
        ]),
        "Refusal": {
            "description": "Nothing changed; send what is asked for.",
            "oneOf": [
                refusal("behind", "in_force", "InForce", "Send the whole manifest."),
                refusal("missing", "bodies", "[ContentHash]", "Send these bodies along."),
                refusal("stale", "in_force", "Generation", "A later generation is in force."),
            ],
        },
        "PortStatus": object("An attached port.", &[
            ("profileId", "uuid", ""),
            ("attachId", "uuid", "This attachment; kept over restarts of the agent."),
            ("device", "string", ""),
            ("mac", "string", ""),
            ("result", "PortResult", ""),
        ]),
        "PortResult": object("What the port's policy came to.", &[
            ("code", "string", "success, portBlocked or policyConfigurationFailureOnVfp."),
            ("message?", "string", "Why it failed."),
        ]),
        "AttachPort": object("A network device that is to be a VM's port.", &[
            ("device", "string", ""),
            ("profileId", "uuid", ""),
            ("mac", "string", ""),
            ("vm?", "uuid", "The VM: tells which ports belong together."),
        ]),
        "Events": object("What changed since the given sequence number.", &[
            ("instance", "uuid", "One run of the agent."),
            ("sequence", "integer", "Pass as `after` next time."),
            ("snapshot", "boolean", "`ports` is all there is."),
            ("ports", "[PortStatus]", ""),
            ("detached", "[string]", "Attach ids that are gone."),
        ]),
        "Status": object("The agent.", &[
            ("version", "integer", "Goal state version."),
            ("instance", "uuid", ""),
            ("hostId", "uuid", "Null while unknown."),
            ("inForce", "InForce", ""),
            ("providerAddress", "string", "Fixed by the host's settings; null if it is the controller's to choose."),
            ("driver", "string", ""),
            ("ports", "integer", "Number of attached ports."),
            ("sections", "integer", "Number of sections in the goal state."),
            ("underlay", "Underlay", ""),
        ]),
        "Underlay": object("How other hosts are reached.", &[
            ("state", "string", "off, waiting, up or down."),
            ("address?", "string", ""),
            ("reason?", "string", ""),
        ]),
        "ProxySettings": object("What an operator decides of the network proxy.", &[
            ("enabled", "boolean", "VMs get answers."),
            ("routes?", "[string]", "Where documents are found, such as list=/ListNetwork; what existing clients use if not given."),
            ("allInterfaces?", "boolean", "Documents about interfaces show all of a VM."),
        ]),
        "Proxy": object("The network proxy.", &[
            ("enabled", "boolean", "VMs get answers."),
            ("listen", "string", "Where VMs find it."),
            ("routes", "[string]", "Where documents are found."),
            ("allInterfaces", "boolean", "Documents about interfaces show all of a VM."),
            ("ports", "[ProxyPort]", "Every attached port."),
        ]),
        "ProxyPort": object("What the VM of one port asked for since the port was attached.", &[
            ("profileId", "uuid", ""),
            ("listed", "integer", "Addresses for its containers; null while its policy is not in force."),
            ("requests", "integer", ""),
            ("bytes", "integer", "Of documents."),
            ("refused", "integer", "Wrong method, malformed, over the rate, or nothing in force."),
            ("unknownPaths", "integer", ""),
            ("framesDropped", "integer", "Over the rate."),
        ]),
        "Traffic": object("", &[("packets", "integer", ""), ("bytes", "integer", "")]),
        "Flow": object("One flow of a port.", &[
            ("local", "string", ""),
            ("remote", "string", ""),
            ("protocol", "integer", "IP protocol number."),
            ("localPort", "integer", ""),
            ("remotePort", "integer", ""),
            ("opened", "string", "in or out."),
            ("admitted", "boolean", "False: a change of policy stopped it."),
            ("tcpState", "string", "Null for other protocols."),
            ("idleSeconds", "integer", ""),
            ("outbound", "Traffic", ""),
            ("inbound", "Traffic", ""),
            ("text", "string", "All of it in one line."),
        ]),
        "TraceRequest": object("A packet.", &[
            ("port", "uuid", "Profile id."),
            ("direction", "string", "in or out, as the VM sees it."),
            ("protocol", "string", "tcp, udp, icmp or icmpv6."),
            ("source", "string", ""),
            ("destination", "string", ""),
            ("sourcePort?", "integer", ""),
            ("destinationPort?", "integer", ""),
        ]),
        "Trace": object("The way of a packet.", &[
            ("steps", "[TraceStep]", ""),
            ("outcome", "string", ""),
            ("passes", "boolean", ""),
        ]),
        "TraceStep": object("What one part of a port found.", &[
            ("port", "string", ""),
            ("direction", "string", ""),
            ("stage", "string", ""),
            ("finding", "string", ""),
        ]),
        "Error": {
            "type": "object", "required": ["error"],
            "properties": { "error": object("", &[("code", "string", "For programs."), ("message", "string", "For people.")]) },
        },
    })
}

fn refusal(reason: &str, member: &str, schema: &str, meaning: &str) -> Value {
    json!({
        "type": "object", "description": meaning, "required": ["reason", member],
        "properties": { "reason": { "const": reason }, member: schema_of(schema) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{env, fs, path::Path};

    #[test]
    fn the_committed_document_is_the_one_that_the_code_gives() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi/agent.v1.json");
        let document = serde_json::to_string_pretty(&document()).unwrap() + "\n";
        if env::var_os("UPDATE_OPENAPI").is_some() {
            fs::write(&path, &document).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == document, "openapi/agent.v1.json is stale; run the tests with UPDATE_OPENAPI=1");
    }

    #[test]
    fn every_schema_that_is_referred_to_exists() {
        let document = document();
        let text = document.to_string();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let referred = text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next());
        for name in referred {
            assert!(schemas.contains_key(name), "{name}");
        }
    }
}
