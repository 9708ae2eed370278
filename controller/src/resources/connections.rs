//! `connections`: how the controller reaches a device, one entry per credential. Contract 12.29 and 12.37.

use super::Proposal;
use super::credentials::{self, CERTIFICATE, SUBJECT_NAME, USER_NAME_PASSWORD};
use super::schema::{Kind, Property};
use crate::engine::world::{Key, Node};
use crate::error::{ApiError, Code};
use crate::fabric::Endpoint;
use serde_json::Value;

const NAME: &str = "connections";

/// The property.
pub(super) const PROPERTY: Property = Property::new(
    NAME,
    Kind::List(&Kind::Object(&[
        Property::new("managementAddresses", Kind::List(&MANAGEMENT_ADDRESS)).required(),
        Property::new("credential", Kind::Reference(&["credentials"])).required(),
        Property::new("credentialType", Kind::EnumAsWritten(&[USER_NAME_PASSWORD, CERTIFICATE, SUBJECT_NAME]))
            .required(),
        Property::new("protocol", Kind::Enum(&["Tcp", "Udp", "Http", "Https", "GRE", "ESP", "All"])),
        Property::new("port", Kind::Text),
    ])),
)
.required();

const MANAGEMENT_ADDRESS: Kind =
    Kind::Checked { what: "management address", valid: |text| text.parse::<Endpoint>().is_ok() || is_name(text) };

/// Whether this may be the name of a device. NetBIOS allows more than DNS, and more than we can dial.
fn is_name(text: &str) -> bool {
    const LONGEST: usize = 255;
    let foreign = |letter: char| letter.is_control() || letter.is_whitespace() || "/\\:*?\"<>|".contains(letter);
    !text.is_empty() && text.len() <= LONGEST && !text.chars().any(foreign)
}

fn connections(properties: &super::Members) -> impl Iterator<Item = &Value> {
    properties.get(NAME).and_then(Value::as_array).into_iter().flatten()
}

fn addresses(connection: &Value) -> impl Iterator<Item = &str> {
    let addresses = connection.get("managementAddresses").and_then(Value::as_array).into_iter().flatten();
    addresses.filter_map(Value::as_str)
}

/// The kind of credential that a connection names is the kind of its credential.
pub(super) fn check(node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
    for connection in connections(&node.properties) {
        let named = connection.get("credentialType").and_then(Value::as_str);
        let path = connection.get("credential").and_then(Value::as_str);
        let credential = path.and_then(|path| proposal.after.find(credentials::CREDENTIALS.name, &Key::new(path)));
        let (Some(credential), Some(named)) = (credential, named) else { continue };
        if !credentials::is_of_type(credential, named) {
            let message = format!("{} is no {named} credential.", credential.path);
            return Err(ApiError::new(Code::UnsupportedCredentialType, message).target("connections.credentialType"));
        }
    }
    Ok(())
}

/// Where the agent of a host listens: the first management address that can be dialled.
pub(super) fn endpoint(server: &Node) -> Option<Endpoint> {
    connections(&server.properties).flat_map(addresses).find_map(|address| address.parse().ok())
}
