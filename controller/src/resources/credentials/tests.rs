//! Credentials as clients write and read them.

use super::*;
use crate::resources::fixture::{Fixture, summary};
use crate::resources::schema::Property as Schema;
use serde_json::json;

const PATH: &str = "/credentials/c";

#[test]
fn every_bad_credential_has_its_code_and_target() {
    let mut fixture = Fixture::new();
    for (kind, value, code, target) in [
        (json!(null), json!("v"), Code::RequiredParamMissing, "type"),
        (json!("password"), json!("v"), Code::InvalidParameterValue, "type"),
        (json!("GroupManagedServiceAccount"), json!("v"), Code::UnsupportedCredentialType, "type"),
        (json!("usernamePassword"), json!(null), Code::RequiredParamMissing, "value"),
        (json!("usernamePassword"), json!(""), Code::RequiredParamMissing, "value"),
        (json!("X509CertificateSubjectName"), json!("O=x, OU=y"), Code::CommonNameExtractionFailed, "value"),
    ] {
        let error = fixture.refuse(PATH, json!({ "type": kind, "value": value }));
        assert_eq!(summary(&error), (code, target), "{kind} {value}");
    }
    let subject = json!({ "type": "X509CertificateSubjectName", "value": "O=x, cn=y" });
    assert_eq!(fixture.refuse_as(Version::V6, PATH, subject.clone()).code, Code::UnsupportedCredentialType);
    assert!(fixture.put_as(Version::V6_1, PATH, subject).is_ok());
}

#[test]
fn a_password_is_never_shown_and_survives_what_was_read() {
    let mut fixture = Fixture::new();
    fixture.accept(PATH, json!({ "type": "UsernamePassword", "userName": "example\\fabric", "value": "secret" }));
    let shown = fixture.get(PATH)["properties"].clone();
    assert_eq!(
        shown,
        json!({
            "provisioningState": "Succeeded", "type": "UsernamePassword", "userName": "example\\fabric",
            "value": Schema::SECRET_PLACEHOLDER,
        })
    );
    for (properties, value) in [
        (shown, "secret"),
        (json!({ "type": "UsernamePassword" }), "secret"),
        (json!({ "type": "UsernamePassword", "value": "new" }), "new"),
    ] {
        fixture.accept(PATH, properties);
        assert_eq!(fixture.node(PATH).text("value"), Some(value));
    }
}

#[test]
fn thumbprints_are_shown_because_clients_compare_them() {
    let mut fixture = Fixture::new();
    fixture.accept(PATH, json!({ "type": "x509certificate", "value": "ABCD" }));
    assert_eq!(fixture.property(PATH, "value"), "ABCD");
    assert_eq!(fixture.property(PATH, "type"), "x509certificate");
}

#[test]
fn a_used_credential_keeps_its_type_and_cannot_be_deleted() {
    let mut fixture = Fixture::with_provider_network();
    fixture.accept(PATH, json!({ "type": "X509Certificate", "value": "AB" }));
    let mut network = Fixture::network("10.0.0.0/16", &[]);
    network["encryptionCredential"] = json!({ "resourceRef": PATH });
    fixture.accept("/virtualNetworks/blue", network);
    let error = fixture.refuse(PATH, json!({ "type": "usernamePassword", "value": "p" }));
    assert_eq!(summary(&error), (Code::UnsupportedCredentialType, "type"));
    fixture.accept(PATH, json!({ "type": "x509certificate", "value": "CD" }));
    assert_eq!(fixture.delete(PATH).unwrap_err().code, Code::InUseCredentialCannotBeDeleted);
    fixture.delete("/virtualNetworks/blue").unwrap();
    fixture.delete(PATH).unwrap();
}
