//! `servers` and their `networkInterfaces`, `virtualServers`, `credentials`.

use super::{all, delete, put};
use crate::northbound::furniture::{certificate, virtual_server};
use crate::northbound::judge::{with, without};
use harness::Result;
use harness::documents::{credential, document, reference, server};
use serde_json::{Value, json};

#[tokio::test]
async fn bad_connections_are_refused() -> Result<()> {
    let hosts = [
        ("/servers/fresh", server("host-b.example", "host-admin", "192.0.2.0/25")),
        ("/servers/host-a", server("127.0.0.1:9", "host-admin", "192.0.2.0/25")),
        ("/virtualServers/fresh", virtual_server()),
        ("/virtualServers/mux1", virtual_server()),
    ];
    let first = "/properties/connections/0";
    let member = |name: &str| format!("{first}/{name}");
    let rows = hosts.into_iter().flat_map(|(path, good)| {
        let but = |pointer: &str, value: Value| with(good.clone(), pointer, value);
        let type_ = |text: &str| but(&member("credentialType"), json!(text));
        [
            put("no connections", path, without(good.clone(), "/properties/connections"), "RequiredParamMissing"),
            put("an empty list of them", path, but("/properties/connections", json!([])), "RequiredParamMissing"),
            put("a text for them", path, but("/properties/connections", json!("host-a")), "InvalidParameterValue"),
            put("no address", path, without(good.clone(), &member("managementAddresses")), "RequiredParamMissing"),
            put(
                "an empty list of addresses",
                path,
                but(&member("managementAddresses"), json!([])),
                "RequiredParamMissing",
            ),
            put(
                "a blank in an address",
                path,
                but(&member("managementAddresses"), json!(["host a"])),
                "InvalidParameterValue",
            ),
            put("an empty address", path, but(&member("managementAddresses"), json!([""])), "InvalidParameterValue"),
            put(
                "a prefix for one",
                path,
                but(&member("managementAddresses"), json!(["10.0.0.0/8"])),
                "InvalidParameterValue",
            ),
            put(
                "a port out of range",
                path,
                but(&member("managementAddresses"), json!(["host:65536"])),
                "InvalidParameterValue",
            ),
            put(
                "an object for an address",
                path,
                but(&member("managementAddresses"), json!([{}])),
                "InvalidParameterValue",
            ),
            put("no credential", path, without(good.clone(), &member("credential")), "RequiredParamMissing"),
            put(
                "a credential that is not there",
                path,
                but(&member("credential"), reference("/credentials/none")),
                "InvalidResourceReference",
            ),
            put(
                "a network for a credential",
                path,
                but(&member("credential"), reference("/virtualNetworks/blue")),
                "InvalidRequestFormat",
            )
            .detail("InvalidJsonReferenceWrongType"),
            put("no credential type", path, without(good.clone(), &member("credentialType")), "RequiredParamMissing"),
            put("an unknown credential type", path, type_("Password"), "InvalidParameterValue"),
            put("another type than the credential has", path, type_("X509Certificate"), "UnsupportedCredentialType"),
            put(
                "an unknown protocol",
                path,
                but(&member("protocol"), json!("Carrier pigeon")),
                "InvalidParameterValue",
            ),
        ]
    });
    all(rows).await
}

#[tokio::test]
async fn a_bad_host_is_refused() -> Result<()> {
    let host = || server("host-b.example", "host-admin", "192.0.2.0/25");
    let card = |properties: Value| json!({ "resourceId": "card", "properties": properties });
    let cards = |cards: Value| with(host(), "/properties/networkInterfaces", cards);
    let subnets = |path: &str| card(json!({ "logicalSubnets": [reference(path)] }));
    let missing = "/logicalNetworks/HNVPA/subnets/none";
    let vm = |vm: Value| with(virtual_server(), "/properties/vmGuid", vm);
    all([
        put(
            "a subnet that is not there",
            "/servers/fresh",
            cards(json!([subnets(missing)])),
            "InvalidResourceReference",
        ),
        put(
            "that under its own path",
            "/servers/host-a/networkInterfaces/card",
            subnets(missing),
            "InvalidResourceReference",
        ),
        put(
            "a network for a subnet",
            "/servers/fresh",
            cards(json!([subnets("/logicalNetworks/HNVPA")])),
            "InvalidRequestFormat",
        )
        .detail("InvalidJsonReferenceWrongType"),
        put(
            "a virtual subnet for one",
            "/servers/host-a/networkInterfaces/card",
            subnets("/virtualNetworks/blue/subnets/db"),
            "InvalidRequestFormat",
        )
        .detail("InvalidJsonReferenceWrongType"),
        put(
            "perhaps a BMC",
            "/servers/fresh",
            cards(json!([card(json!({ "isBMC": "perhaps" }))])),
            "InvalidParameterValue",
        ),
        put(
            "two cards of one name",
            "/servers/fresh",
            cards(json!([card(json!({})), card(json!({}))])),
            "InvalidResourceName",
        ),
        put("a card of a host that is not there", "/servers/none/networkInterfaces/card", card(json!({})), "NotFound")
            .status(404),
        put(
            "half a host",
            "/servers/fresh",
            with(host(), "/properties/auditingEnabled", json!(["Sometimes"])),
            "InvalidParameterValue",
        ),
        put(
            "no GUID",
            "/virtualServers/fresh",
            without(virtual_server(), "/properties/vmGuid"),
            "RequiredParamMissing",
        ),
        put("a name for a GUID", "/virtualServers/fresh", vm(json!("mux1")), "InvalidParameterValue"),
        put("a number for a GUID", "/virtualServers/mux1", vm(json!(1)), "InvalidParameterValue"),
    ])
    .await
}

#[tokio::test]
async fn a_bad_credential_is_refused() -> Result<()> {
    let fresh = "/credentials/fresh";
    let of_type = |text: &str| document(json!({ "type": text, "value": "CN=host-a.example" }));
    let by_name = |text: &str| document(json!({ "type": "X509CertificateSubjectName", "value": text }));
    all([
        put("no type", fresh, without(certificate(), "/properties/type"), "RequiredParamMissing"),
        put("an unknown type", fresh, of_type("Handshake"), "InvalidParameterValue"),
        put(
            "a list for a type",
            fresh,
            with(certificate(), "/properties/type", json!(["X509Certificate"])),
            "InvalidParameterValue",
        ),
        put("no value", fresh, without(certificate(), "/properties/value"), "RequiredParamMissing"),
        put("no password", fresh, without(credential("someone", "x"), "/properties/value"), "RequiredParamMissing"),
        put(
            "an object for a value",
            fresh,
            with(certificate(), "/properties/value", json!({ "thumbprint": "AB" })),
            "InvalidParameterValue",
        ),
        put("the installation's own type", fresh, of_type("GroupManagedServiceAccount"), "UnsupportedCredentialType"),
        put("a subject name before v6.1", fresh, by_name("CN=host-a.example"), "UnsupportedCredentialType")
            .through("v6"),
        put("a subject without common name", fresh, by_name("O=Example,C=EX"), "CommonNameExtractionFailed")
            .through("v6.1"),
        delete("/credentials/host-admin", "InUseCredentialCannotBeDeleted"),
    ])
    .await
}
