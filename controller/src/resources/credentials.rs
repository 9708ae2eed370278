//! `credentials`: secrets for reaching devices, and certificates. Contract 12.5, [MS-NCNBI 3.1.5.2].

use super::schema::{Access, Collection, Kind, Property};
use super::version::Version;
use super::{Draft, Proposal, Rules};
use crate::engine::world::{Node, World};
use crate::error::{ApiError, Code};
use serde_json::Value;

pub(super) const USER_NAME_PASSWORD: &str = "usernamePassword";
pub(super) const CERTIFICATE: &str = "X509Certificate";
pub(super) const SUBJECT_NAME: &str = "X509CertificateSubjectName";
const MANAGED_ACCOUNT: &str = "GroupManagedServiceAccount";
const SNMP: &str = "SnmpCommunityString";

/// The collection.
pub static CREDENTIALS: Collection = Collection::new("credentials")
    .properties(&[
        // SDN Express copies the type of a credential into connections: its casing survives.
        Property::new(
            "type",
            Kind::EnumAsWritten(&[USER_NAME_PASSWORD, CERTIFICATE, SNMP, MANAGED_ACCOUNT, SUBJECT_NAME]),
        )
        .required(),
        Property::new("userName", Kind::Text),
        Property::new("value", Kind::Text).access(Access::Secret).required(),
        Property::new("networks", Kind::Back { from: &[("virtualNetworks", "encryptionCredential")], many: true })
            .access(Access::Derived)
            .since(Version::V2),
        Property::back_reference("auditingSettings", &[("auditingSettings", "encryptionCredential")])
            .since(Version::V3),
    ])
    .in_use(Code::InUseCredentialCannotBeDeleted)
    .rules(&CredentialRules);

struct CredentialRules;

impl Rules for CredentialRules {
    fn complete(&self, draft: &mut Draft<'_>) -> Result<(), ApiError> {
        let kind = draft.properties.get("type").and_then(Value::as_str).unwrap_or_default();
        let is = |name: &str| kind.eq_ignore_ascii_case(name);
        let known = draft.stored.is_some_and(|stored| is_of_type(stored, kind));
        let refuse = |message: String| Err(ApiError::new(Code::UnsupportedCredentialType, message).target("type"));
        if is(MANAGED_ACCOUNT) {
            return refuse(format!("{MANAGED_ACCOUNT} credentials come with the installation."));
        }
        if is(SUBJECT_NAME) && draft.version < Version::V6_1 && !known {
            return refuse(format!("{SUBJECT_NAME} needs version {} or later in the URI.", Version::V6_1));
        }
        match draft.properties.get("value").and_then(Value::as_str) {
            Some("") => {
                let message = "A credential needs a value.";
                Err(ApiError::new(Code::RequiredParamMissing, message).target("value"))
            }
            Some(name) if is(SUBJECT_NAME) && !has_common_name(name) => {
                let message = format!("'{name}' has no common name.");
                Err(ApiError::new(Code::CommonNameExtractionFailed, message).target("value"))
            }
            _ => Ok(()),
        }
    }

    /// Those who use it were promised its kind.
    fn check(&self, node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
        let kept =
            proposal.stored(node).and_then(|stored| stored.text("type")).is_none_or(|kind| is_of_type(node, kind));
        match proposal.after.referrers(&node.key).next().filter(|_| !kept) {
            Some(user) => {
                let message = format!("{} uses {}; its type cannot change.", user.source, node.path);
                Err(ApiError::new(Code::UnsupportedCredentialType, message).target("type"))
            }
            None => Ok(()),
        }
    }

    /// Thumbprints and names are no secrets; clients compare them.
    fn reveals(&self, _: &'static str, node: &Node) -> bool {
        is_of_type(node, CERTIFICATE) || is_of_type(node, SUBJECT_NAME)
    }
}

/// Whether the credential is of this type, in any case.
pub(super) fn is_of_type(credential: &Node, kind: &str) -> bool {
    credential.text("type").is_some_and(|own| own.eq_ignore_ascii_case(kind))
}

/// Refuses a document whose `property` refers to a credential of another type.
pub(super) fn check_type(node: &Node, property: &'static str, kind: &str, world: &World) -> Result<(), ApiError> {
    let credential = node.reference(property).and_then(|reference| world.target(reference));
    match credential.filter(|credential| !is_of_type(credential, kind)) {
        Some(credential) => {
            let message = format!("{} is no {kind} credential.", credential.path);
            Err(ApiError::new(Code::UnsupportedCredentialType, message).target(property))
        }
        None => Ok(()),
    }
}

/// A bare name, or a distinguished name with a CN. [MS-NCNBI 3.1.5.2]
fn has_common_name(name: &str) -> bool {
    let attribute = |part: &str| part.trim_start().get(..3).is_some_and(|start| start.eq_ignore_ascii_case("CN="));
    !name.contains('=') || name.split(',').any(attribute)
}

#[cfg(test)]
mod tests;
