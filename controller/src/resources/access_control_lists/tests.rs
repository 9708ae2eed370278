//! Lists and rules as clients write and read them.

use super::*;
use crate::resources::fixture::{Fixture, summary};
use serde_json::json;

fn rule(changes: Value) -> Value {
    let mut rule = json!({
        "protocol": "TCP", "type": "Inbound", "action": "Allow", "priority": "110",
        "sourceAddressPrefix": "*", "sourcePortRange": "0-65535",
        "destinationAddressPrefix": "10.0.0.0/24", "destinationPortRange": "443",
    });
    for (name, value) in changes.as_object().unwrap() {
        rule[name] = value.clone();
    }
    rule
}

fn list(rules: &[(&str, Value)]) -> Value {
    let child = |(id, changes): &(&str, Value)| json!({ "resourceId": id, "properties": rule(changes.clone()) });
    json!({ "aclRules": rules.iter().map(child).collect::<Value>() })
}

fn service_tag() -> Value {
    list(&[("tag", json!({ "sourceAddressPrefix": "VirtualNetwork" }))])
}

#[test]
fn every_bad_member_of_a_rule_has_its_code_and_target() {
    let mut fixture = Fixture::new();
    fixture.accept("/accessControlLists/web", json!({}));
    for (changes, code, target) in [
        (json!({ "type": "In" }), Code::InvalidAclRuleType, "type"),
        (json!({ "type": null }), Code::InvalidAclRuleType, "type"),
        (json!({ "action": "Permit" }), Code::InvalidAclRuleAction, "action"),
        (json!({ "protocol": "6" }), Code::InvalidAclRuleProtocol, "protocol"),
        (json!({ "priority": "99" }), Code::InvalidAclRulePriority, "priority"),
        (json!({ "priority": 65001 }), Code::InvalidAclRulePriority, "priority"),
        (json!({ "priority": "first" }), Code::InvalidAclRulePriority, "priority"),
        (json!({ "priority": null }), Code::InvalidAclRulePriority, "priority"),
        (json!({ "sourcePortRange": null }), Code::AclRuleNullOrEmptySourcePortRange, "sourcePortRange"),
        (json!({ "sourcePortRange": "" }), Code::AclRuleNullOrEmptySourcePortRange, "sourcePortRange"),
        (json!({ "sourcePortRange": "80,90" }), Code::AclRuleInvalidSourcePortRange, "sourcePortRange"),
        (json!({ "destinationPortRange": "" }), Code::AclRuleNullOrEmptyDestinationPortRange, "destinationPortRange"),
        (json!({ "destinationPortRange": "9-8" }), Code::AclRuleInvalidDestinationPortRange, "destinationPortRange"),
        (
            json!({ "sourceAddressPrefix": "10.20.300.0/24" }),
            Code::AclRuleInvalidSourceAddressPrefix,
            "sourceAddressPrefix",
        ),
        (
            json!({ "destinationAddressPrefix": "10.0.0.0/8,10.1.0.0/16" }),
            Code::AclRuleInvalidDestinationAddressPrefix,
            "destinationAddressPrefix",
        ),
        (
            json!({ "sourceAddressPrefix": "" }),
            Code::AclRuleSourceNeitherAddressPrefixNorSecurityTagsPresent,
            "sourceAddressPrefix",
        ),
        (
            json!({ "destinationAddressPrefix": null }),
            Code::AclRuleDestinationNeitherAddressPrefixNorSecurityTagsPresent,
            "destinationAddressPrefix",
        ),
        (
            json!({ "sourceSecurityTags": { "resourceRef": "/securityTags/a" } }),
            Code::AclRuleBothSourceAddressPrefixAndSecurityTagsPresent,
            "sourceAddressPrefix",
        ),
        (
            json!({ "sourceAddressPrefix": null, "sourceSecurityTags": [{ "resourceRef": "/securityTags/a" }] }),
            Code::InvalidResourceReference,
            "sourceSecurityTags",
        ),
        (json!({ "logging": "On" }), Code::InvalidParameterValue, "logging"),
    ] {
        let error = fixture.refuse("/accessControlLists/web/aclRules/r", rule(changes.clone()));
        assert_eq!(summary(&error), (code, target), "{changes}");
        let error = fixture.refuse("/accessControlLists/web", list(&[("r", changes.clone())]));
        assert_eq!(error.code, code, "{changes} inside of the list");
    }
}

#[test]
fn older_versions_know_no_security_tags_and_no_icmp() {
    let mut fixture = Fixture::new();
    fixture.accept("/accessControlLists/web", json!({}));
    let path = "/accessControlLists/web/aclRules/r";
    let error = fixture.refuse_as(Version::V4_2, path, rule(json!({ "sourceAddressPrefix": null })));
    assert_eq!(error.code, Code::AclRuleNullOrEmptySourceAddressPrefix);
    let icmp = rule(json!({ "protocol": "icmpv4" }));
    assert_eq!(fixture.refuse_as(Version::V2, path, icmp.clone()).code, Code::InvalidAclRuleProtocol);
    assert!(fixture.put_as(Version::V3, path, icmp).is_ok());
    let read = fixture.get_as(Version::V1, path)["properties"].clone();
    assert!(fixture.put_as(Version::V1, path, read).is_ok(), "what was read can be written");
}

#[test]
fn a_list_comes_back_in_canonical_form_with_its_defaults() {
    let mut fixture = Fixture::new();
    let rules = json!([{ "resourceId": "r", "properties": {
        "Protocol": "tcp", "TYPE": "inbound", "action": "ALLOW", "priority": 110, "logging": null,
        "sourceAddressPrefix": "10.0.0.7/24", "sourcePortRange": "*",
        "destinationAddressPrefix": "internet", "destinationPortRange": 443, "unknown": 1,
    } }]);
    fixture.accept("/accessControlLists/Web", json!({ "aclRules": rules, "ipConfigurations": ["ignored"] }));
    let shown = fixture.get("/accessControlLists/web");
    assert_eq!(shown["resourceRef"], "/accessControlLists/Web");
    let mut properties = shown["properties"].clone();
    let rule = properties["aclRules"][0]["properties"].take();
    assert_eq!(
        rule,
        json!({
            "provisioningState": "Succeeded", "protocol": "TCP", "type": "Inbound", "action": "Allow", "priority": "110",
            "sourceAddressPrefix": "10.0.0.7/24", "sourcePortRange": "*", "logging": "Enabled",
            "destinationAddressPrefix": "internet", "destinationPortRange": "443",
        })
    );
    for (name, value) in [
        ("inboundDefaultAction", json!("Permit")),
        ("outboundDefaultAction", json!("Permit")),
        ("ipConfigurations", json!([])),
        ("subnets", json!([])),
    ] {
        assert_eq!(properties[name], value, "{name}");
    }
    assert_eq!(properties["configurationState"]["status"], "Success");
    assert_eq!(properties["configurationState"]["id"], shown["instanceId"]);
}

#[test]
fn a_priority_is_given_once_for_each_direction() {
    let mut fixture = Fixture::new();
    fixture.accept("/accessControlLists/web", list(&[("in", json!({})), ("out", json!({ "type": "Outbound" }))]));
    let twice = list(&[("a", json!({})), ("b", json!({}))]);
    assert_eq!(fixture.refuse("/accessControlLists/web", twice).code, Code::InvalidAclRulePriority);
    let error = fixture.refuse("/accessControlLists/web/aclRules/other", rule(json!({})));
    assert_eq!(error.code, Code::InvalidAclRulePriority);
}

#[test]
fn service_tags_and_logical_networks_exclude_each_other() {
    let mut fixture = Fixture::with_virtual_network();
    fixture.accept("/accessControlLists/tags", service_tag());
    fixture.accept("/accessControlLists/plain", list(&[("r", json!({}))]));
    let with_list = |list: &str| json!({ "addressPrefix": "192.0.2.0/24", "accessControlList": { "resourceRef": format!("/accessControlLists/{list}") } });
    let subnet = "/logicalNetworks/pa/subnets/rack";
    assert_eq!(fixture.refuse(subnet, with_list("tags")).code, Code::AclRuleTagsNotSupportedOnLogicalNetwork);
    fixture.accept(subnet, with_list("plain"));
    let error = fixture.refuse("/accessControlLists/plain", service_tag());
    assert_eq!(error.code, Code::AclRuleTagsNotSupportedOnLogicalNetwork);
    let tagged = rule(json!({ "priority": 200, "destinationAddressPrefix": "AzureLoadBalancer" }));
    let error = fixture.refuse("/accessControlLists/plain/aclRules/tag", tagged);
    assert_eq!(error.code, Code::AclRuleTagsNotSupportedOnLogicalNetwork);
}

#[test]
fn lists_cannot_be_written_while_switches_let_everything_pass() {
    let mut fixture = Fixture::new();
    fixture.accept("/accessControlLists/web", list(&[("r", json!({}))]));
    fixture.accept("/virtualSwitchManager/configuration", json!({ "portDefaultState": "allowtraffic" }));
    for path in ["/accessControlLists/web", "/accessControlLists/new"] {
        let error = fixture.refuse(path, json!({ "inboundDefaultAction": "Deny" }));
        assert_eq!(error.code, Code::OperationNotSupported, "{path}");
    }
    let error = fixture.refuse("/accessControlLists/web/aclRules/s", rule(json!({ "priority": 120 })));
    assert_eq!(error.code, Code::OperationNotSupported);
    assert!(fixture.delete("/accessControlLists/web/aclRules/r").is_ok());
    fixture.accept("/virtualSwitchManager/configuration", json!({}));
    fixture.accept("/accessControlLists/web", json!({}));
}

#[test]
fn a_used_list_shows_its_users_and_cannot_be_deleted() {
    let mut fixture = Fixture::with_virtual_network();
    fixture.accept("/accessControlLists/web", json!({}));
    let list = json!({ "resourceRef": "/accessControlLists/WEB" });
    let mut subnet = json!({ "addressPrefix": "10.0.0.0/24", "accessControlList": list });
    fixture.accept("/virtualNetworks/blue/subnets/web", subnet.clone());
    let mut nic = Fixture::nic("00-1D-D8-B7-1C-01", "10.0.0.9");
    nic["ipConfigurations"][0]["properties"]["accessControlList"] = list;
    fixture.accept("/networkInterfaces/vm", nic.clone());
    let path = "/accessControlLists/web";
    let users = |reference: &str| json!([{ "resourceRef": reference }]);
    assert_eq!(fixture.property(path, "subnets"), users("/virtualNetworks/blue/subnets/web"));
    assert_eq!(fixture.property(path, "ipConfigurations"), users("/networkInterfaces/vm/ipConfigurations/ip"));
    assert_eq!(fixture.delete(path).unwrap_err().code, Code::InUseAccessControlListCannotBeDeleted);
    subnet["accessControlList"] = Value::Null;
    fixture.accept("/virtualNetworks/blue/subnets/web", subnet);
    assert_eq!(fixture.delete(path).unwrap_err().code, Code::InUseAccessControlListCannotBeDeleted);
    assert!(fixture.delete("/networkInterfaces/vm").is_ok());
    assert!(fixture.delete(path).is_ok());
}

#[test]
fn hosts_get_the_rules_in_match_order() {
    let mut fixture = Fixture::new();
    let rules = [
        ("late", json!({ "priority": 900, "protocol": "All", "destinationPortRange": "*", "action": "Deny" })),
        ("web", json!({ "protocol": "http", "sourceAddressPrefix": "10.1.2.3/8", "logging": "Disabled" })),
        ("ping", json!({ "type": "Outbound", "protocol": "ICMPv6", "destinationAddressPrefix": "internet" })),
    ];
    let mut list = list(&rules);
    list["outboundDefaultAction"] = json!("deny");
    fixture.accept("/accessControlLists/web", list);
    let [Change::Acl(id, Some(acl))] = fixture.changes.as_slice() else { panic!("{:?}", fixture.changes) };
    assert_eq!(id.0, fixture.node("/accessControlLists/web").instance_id);
    assert_eq!((acl.inbound_default, acl.outbound_default), (Action::Allow, Action::Deny));
    let lines: Vec<String> = acl.rules.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "110 out allow icmpv6 *:* > INTERNET:443 ping",
            "110 in allow tcp 10.0.0.0/8:* > 10.0.0.0/24:443 web",
            "900 in deny * *:* > 10.0.0.0/24:* late",
        ]
    );
    assert_eq!(acl.rules.iter().map(|rule| rule.logging).collect::<Vec<_>>(), [true, false, true]);
    fixture.delete("/accessControlLists/web").unwrap();
    assert!(matches!(fixture.changes.as_slice(), [Change::Acl(_, None)]));
}
