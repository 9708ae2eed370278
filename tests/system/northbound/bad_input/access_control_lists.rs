//! `accessControlLists` and `aclRules`.

use super::{all, all_at, delete, put};
use crate::northbound::furniture;
use crate::northbound::judge::{Judge as _, with, without};
use crate::northbound::site::Site;
use harness::Result;
use harness::documents::{acl, address, document, nic, reference, rule};
use serde_json::{Value, json};

const RULE: &str = "300 in allow tcp 10.0.0.0/8:1024-65535 > 10.20.1.0/24:443";

/// Members of a rule with a value that must be refused, and the code.
fn members() -> Vec<(&'static str, Value, &'static str)> {
    let mut rows = Vec::new();
    let mut add =
        |member, code, values: &[Value]| rows.extend(values.iter().map(|value| (member, value.clone(), code)));
    add("action", "InvalidAclRuleAction", &[json!("Maybe"), json!({}), json!(1)]);
    add("type", "InvalidAclRuleType", &[json!("Sideways"), json!("")]);
    let priorities = [json!("99"), json!(65001), json!("-110"), json!("1e3"), json!("first"), json!(110.5)];
    add("priority", "InvalidAclRulePriority", &priorities);
    add("protocol", "InvalidAclRuleProtocol", &[json!("SCTP"), json!("6"), json!(6), json!("TCP,UDP")]);
    let ranges = ["80-70", "65536", "0-65536", "80,90", "-", "80-", "-80", "http", "80 - 90", "1-2-3"].map(Value::from);
    add("sourcePortRange", "AclRuleInvalidSourcePortRange", &ranges);
    add("destinationPortRange", "AclRuleInvalidDestinationPortRange", &ranges);
    let prefixes =
        ["10.0.0.0/33", "10.0.0", "10.0.0.256", "::/129", "MOON", "10.0.0.0/8,11.0.0.0/8", "10.0.0.0/8 ", "/8"];
    let prefixes = prefixes.map(Value::from);
    add("sourceAddressPrefix", "AclRuleInvalidSourceAddressPrefix", &prefixes);
    add("destinationAddressPrefix", "AclRuleInvalidDestinationAddressPrefix", &prefixes);
    add("logging", "InvalidParameterValue", &[json!("Sometimes")]);
    add("action", "InvalidAclRuleAction", &[json!(null)]);
    add("type", "InvalidAclRuleType", &[json!(null)]);
    add("priority", "InvalidAclRulePriority", &[json!(null)]);
    add("protocol", "InvalidAclRuleProtocol", &[json!(null)]);
    add("sourcePortRange", "AclRuleNullOrEmptySourcePortRange", &[json!(null), json!("")]);
    add("destinationPortRange", "AclRuleNullOrEmptyDestinationPortRange", &[json!(null), json!("")]);
    add("sourceAddressPrefix", "AclRuleNullOrEmptySourceAddressPrefix", &[json!(null), json!("")]);
    add("destinationAddressPrefix", "AclRuleNullOrEmptyDestinationAddressPrefix", &[json!(null), json!("")]);
    rows
}

#[tokio::test]
async fn a_bad_member_of_a_rule_is_refused_in_the_list_and_under_the_rules_own_path() -> Result<()> {
    let rows = members().into_iter().flat_map(|(member, value, code)| {
        let bad = with(rule(RULE), &format!("/properties/{member}"), value.clone());
        let list = document(json!({ "aclRules": [rule("200 in deny * * > *"), bad] }));
        let case = format!("{member}: {value}");
        [
            put(format!("{case} in a new list"), "/accessControlLists/fresh", list.clone(), code),
            put(format!("{case} in a stored list"), "/accessControlLists/web-tier", list, code),
            put(format!("{case} in a new rule"), "/accessControlLists/web-tier/aclRules/300-in", bad.clone(), code),
            put(
                format!("{case} in a stored rule"),
                "/accessControlLists/web-tier/aclRules/110-in",
                without(bad, "/resourceId"),
                code,
            ),
        ]
    });
    all(rows).await
}

#[tokio::test]
async fn a_bad_list_is_refused() -> Result<()> {
    let fresh = "/accessControlLists/fresh";
    let rules = |rules: Value| document(json!({ "aclRules": rules }));
    let nameless = without(rule(RULE), "/resourceId");
    all([
        put(
            "an unknown default action",
            fresh,
            document(json!({ "inboundDefaultAction": "Perhaps" })),
            "InvalidParameterValue",
        ),
        put("the other", fresh, document(json!({ "outboundDefaultAction": "Allow" })), "InvalidParameterValue"),
        put("a text for the rules", fresh, rules(json!("none")), "InvalidRequestFormat"),
        put("a number for a rule", fresh, rules(json!([1])), "InvalidRequestFormat"),
        put("two rules of one name", fresh, rules(json!([rule(RULE), rule(RULE)])), "InvalidResourceName"),
        put(
            "two names that differ in case",
            fresh,
            rules(json!([rule(RULE), with(rule(RULE), "/resourceId", "300-IN")])),
            "InvalidResourceName",
        ),
        put("a rule without name", fresh, rules(json!([nameless])), "RequiredParamMissing"),
        put(
            "a rule with a slash in its name",
            fresh,
            rules(json!([with(rule(RULE), "/resourceId", "a/b")])),
            "InvalidResourceName",
        ),
        put(
            "a priority twice in one direction",
            fresh,
            acl(&[RULE, "300 in deny udp * > *"]).renamed(1, "other"),
            "InvalidAclRulePriority",
        ),
        put(
            "a stored priority again",
            "/accessControlLists/web-tier/aclRules/other",
            rule("110 in deny udp * > *").named("other"),
            "InvalidAclRulePriority",
        ),
        put("ICMP before v3", fresh, acl(&["300 in allow ICMPv4 * > *"]), "InvalidAclRuleProtocol").through("v2"),
        delete("/accessControlLists/web-tier", "InUseAccessControlListCannotBeDeleted"),
    ])
    .await
}

#[tokio::test]
async fn from_version_5_a_rule_needs_a_prefix_or_tags_and_never_both() -> Result<()> {
    let fresh = "/accessControlLists/fresh";
    let list = |rule: Value| document(json!({ "aclRules": [rule] }));
    let sides = [
        (
            "source",
            "AclRuleSourceNeitherAddressPrefixNorSecurityTagsPresent",
            "AclRuleBothSourceAddressPrefixAndSecurityTagsPresent",
        ),
        (
            "destination",
            "AclRuleDestinationNeitherAddressPrefixNorSecurityTagsPresent",
            "AclRuleBothDestinationAddressPrefixAndSecurityTagsPresent",
        ),
    ];
    let rows = sides.into_iter().flat_map(|(side, neither, both)| {
        let prefix = format!("/properties/{side}AddressPrefix");
        let tags = format!("/properties/{side}SecurityTags");
        let empty = with(without(rule(RULE), &prefix), &tags, json!([]));
        let double = with(rule(RULE), &tags, json!([reference("/securityTags/web")]));
        let tagged = without(double.clone(), &prefix);
        [
            put(format!("no {side}"), fresh, list(empty), neither).through("v5"),
            put(format!("{side} twice"), fresh, list(double), both).through("v5"),
            put(format!("{side} tag that is not there"), fresh, list(tagged), "InvalidResourceReference").through("v5"),
        ]
    });
    all(rows).await
}

#[tokio::test]
async fn service_tags_and_logical_networks_do_not_meet() -> Result<()> {
    let site = Site::furnished().await?;
    let on_vlan = |acl: &str| {
        let address = with(
            address("ip0", "172.16.7.50", "x/y", Some(acl)),
            "/properties/subnet",
            reference("/logicalNetworks/backend/subnets/vlan7"),
        );
        nic(None, &[address])
    };
    site.nc.put("/networkInterfaces/vlan-vm", &on_vlan("plain")).await?.is(201);
    site.nc.put("/accessControlLists/vlan-subnet", &acl(&["300 in allow tcp * > *"])).await?.is(201);
    let attached = with(
        furniture::backend(),
        "/properties/subnets/0/properties/accessControlList",
        reference("/accessControlLists/vlan-subnet"),
    );
    site.nc.put("/logicalNetworks/backend", &attached).await?.is(200);

    let tag = "300 in allow tcp INTERNET > *";
    let code = "AclRuleTagsNotSupportedOnLogicalNetwork";
    let other =
        with(attached, "/properties/subnets/0/properties/accessControlList", reference("/accessControlLists/web-tier"));
    let rows = [
        put("a NIC takes a list with tags", "/networkInterfaces/vlan-vm", on_vlan("web-tier"), code),
        put("the NIC's list gets a tag", "/accessControlLists/plain", acl(&[tag]), code),
        put("the NIC's list gets a rule with a tag", "/accessControlLists/plain/aclRules/300-in", rule(tag), code),
        put("a logical subnet takes a list with tags", "/logicalNetworks/backend", other, code),
        put("the logical subnet's list gets a tag", "/accessControlLists/vlan-subnet", acl(&[tag]), code),
    ];
    all_at(site, rows).await
}

#[tokio::test]
async fn lists_and_networks_cannot_be_written_while_unmanaged_ports_are_open() -> Result<()> {
    let site = Site::furnished().await?;
    let open = document(json!({ "portDefaultState": "AllowTraffic" }));
    site.nc.put("/virtualSwitchManager/configuration", &open).await?.is(200);
    let blue = site.nc.read("/virtualNetworks/blue").await?;
    let code = "OperationNotSupported";
    let no_servers = with(blue.clone(), "/properties/dhcpOptions/dnsServers", json!([]));
    let fresh = with(without(blue, "/resourceId"), "/properties/subnets", json!([]));
    let rows = [
        put("a new list", "/accessControlLists/fresh", acl(&[RULE]), code),
        put("a stored list", "/accessControlLists/web-tier", acl(&[RULE]), code),
        put("a rule", "/accessControlLists/web-tier/aclRules/300-in", rule(RULE), code),
        put("a stored network", "/virtualNetworks/blue", no_servers, code),
        put("a new network", "/virtualNetworks/fresh", fresh, code),
    ];
    all_at(site, rows).await
}

/// Naming rules otherwise than [`rule`] does.
trait Named {
    fn named(self, id: &str) -> Value;
    fn renamed(self, number: usize, id: &str) -> Value;
}

impl Named for Value {
    fn named(self, id: &str) -> Value {
        with(self, "/resourceId", id)
    }

    fn renamed(self, number: usize, id: &str) -> Value {
        with(self, &format!("/properties/aclRules/{number}/resourceId"), id)
    }
}
