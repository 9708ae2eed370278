//! `aclRules`: one match/verdict line of a list. Contract 12.1.1, [MS-NCNBI 3.1.5.1.2].

use crate::engine::world::Node;
use crate::error::{ApiError, Code};
use crate::resources::schema::{Collection, Default, Kind, Property};
use crate::resources::version::Version;
use crate::resources::{Draft, Proposal, Rules, virtual_switch_manager};
use policy::acl::{AclRule, Action, AddressMatch, Direction, Protocol, ServiceTag};
use policy::net::PortRange;
use serde_json::Value;

/// The collection.
pub static ACL_RULES: Collection = Collection::child("accessControlLists/aclRules")
    .properties(&[
        Property::new("protocol", Kind::Enum(&["All", "TCP", "UDP", "HTTP", "ICMPv4", "ICMPv6"]))
            .required_or(Code::InvalidAclRuleProtocol)
            .invalid(Code::InvalidAclRuleProtocol),
        Property::new("sourcePortRange", PORT_RANGE)
            .required_or(Code::AclRuleNullOrEmptySourcePortRange)
            .invalid(Code::AclRuleInvalidSourcePortRange),
        Property::new("destinationPortRange", PORT_RANGE)
            .required_or(Code::AclRuleNullOrEmptyDestinationPortRange)
            .invalid(Code::AclRuleInvalidDestinationPortRange),
        Property::new("action", Kind::Enum(&["Allow", "Deny"]))
            .required_or(Code::InvalidAclRuleAction)
            .invalid(Code::InvalidAclRuleAction),
        Property::new("sourceAddressPrefix", ADDRESS_MATCH).invalid(Code::AclRuleInvalidSourceAddressPrefix),
        Property::new("destinationAddressPrefix", ADDRESS_MATCH).invalid(Code::AclRuleInvalidDestinationAddressPrefix),
        Property::new("sourceSecurityTags", SECURITY_TAGS).since(Version::V5),
        Property::new("destinationSecurityTags", SECURITY_TAGS).since(Version::V5),
        // 1 to 100 are reserved by the text, yet 100 is what Microsoft's samples use: `semantics.md` 1.6.
        Property::new("priority", Kind::IntegerText(100, 65000))
            .required_or(Code::InvalidAclRulePriority)
            .invalid(Code::InvalidAclRulePriority),
        Property::new("type", Kind::Enum(&["Inbound", "Outbound"]))
            .required_or(Code::InvalidAclRuleType)
            .invalid(Code::InvalidAclRuleType),
        Property::new("logging", Kind::Enum(&["Enabled", "Disabled"])).default(Default::Text("Enabled")),
        Property::new("description", Kind::Text),
    ])
    .rules(&AclRuleRules);

const SECURITY_TAGS: Kind = Kind::List(&Kind::Reference(&["securityTags"]));

/// Empty text is absence, which has codes of its own.
const PORT_RANGE: Kind =
    Kind::Checked { what: "port range", valid: |text| text.is_empty() || text.parse::<PortRange>().is_ok() };

/// As [`PORT_RANGE`].
const ADDRESS_MATCH: Kind = Kind::Checked {
    what: "address prefix, '*' or service tag",
    valid: |text| text.is_empty() || parse_address_match(text).is_some(),
};

/// The names and codes of one end of a rule.
struct End {
    prefix: &'static str,
    tags: &'static str,
    ports: &'static str,
    empty_ports: Code,
    empty_prefix: Code,
    neither: Code,
    both: Code,
}

const SOURCE: End = End {
    prefix: "sourceAddressPrefix",
    tags: "sourceSecurityTags",
    ports: "sourcePortRange",
    empty_ports: Code::AclRuleNullOrEmptySourcePortRange,
    empty_prefix: Code::AclRuleNullOrEmptySourceAddressPrefix,
    neither: Code::AclRuleSourceNeitherAddressPrefixNorSecurityTagsPresent,
    both: Code::AclRuleBothSourceAddressPrefixAndSecurityTagsPresent,
};

const DESTINATION: End = End {
    prefix: "destinationAddressPrefix",
    tags: "destinationSecurityTags",
    ports: "destinationPortRange",
    empty_ports: Code::AclRuleNullOrEmptyDestinationPortRange,
    empty_prefix: Code::AclRuleNullOrEmptyDestinationAddressPrefix,
    neither: Code::AclRuleDestinationNeitherAddressPrefixNorSecurityTagsPresent,
    both: Code::AclRuleBothDestinationAddressPrefixAndSecurityTagsPresent,
};

struct AclRuleRules;

impl Rules for AclRuleRules {
    fn complete(&self, draft: &mut Draft<'_>) -> Result<(), ApiError> {
        check_end(&SOURCE, draft)?;
        check_end(&DESTINATION, draft)?;
        check_icmp(draft)
    }

    fn check(&self, node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
        virtual_switch_manager::check_policy_is_enforced(node, proposal)
    }
}

/// A rule names an address or, from v5 on, security tags; and ports.
fn check_end(end: &End, draft: &Draft<'_>) -> Result<(), ApiError> {
    let text = |property| draft.properties.get(property).and_then(Value::as_str).unwrap_or_default();
    let tagged = draft.properties.get(end.tags).and_then(Value::as_array).is_some_and(|tags| !tags.is_empty());
    let refuse = |code, message: String, property| Err(ApiError::new(code, message).target(property));
    if text(end.ports).is_empty() {
        return refuse(end.empty_ports, format!("{} is empty.", end.ports), end.ports);
    }
    match (text(end.prefix).is_empty(), tagged) {
        (true, false) if draft.version < Version::V5 => {
            refuse(end.empty_prefix, format!("{} is empty.", end.prefix), end.prefix)
        }
        (true, false) => refuse(end.neither, format!("Neither {} nor {} is given.", end.prefix, end.tags), end.prefix),
        (false, true) => refuse(end.both, format!("{} excludes {}.", end.prefix, end.tags), end.prefix),
        (true, true) | (false, false) => Ok(()),
    }
}

/// ICMP came with v3; an older client may still send back what it read.
fn check_icmp(draft: &Draft<'_>) -> Result<(), ApiError> {
    let Some(protocol) = draft.properties.get("protocol").and_then(Value::as_str) else {
        return Ok(());
    };
    let known = draft.stored.is_some_and(|stored| stored.text("protocol") == Some(protocol));
    match protocol.starts_with("ICMP") && draft.version < Version::V3 && !known {
        true => {
            let message = format!("Protocol {protocol} needs version {} or later in the URI.", Version::V3);
            Err(ApiError::new(Code::InvalidAclRuleProtocol, message).target("protocol"))
        }
        false => Ok(()),
    }
}

/// Whether the rule matches a service tag.
pub(super) fn uses_service_tag(rule: &Node) -> bool {
    [SOURCE.prefix, DESTINATION.prefix]
        .into_iter()
        .filter_map(|property| rule.text(property).and_then(parse_address_match))
        .any(|end| matches!(end, AddressMatch::Tag(_)))
}

/// Reads `*`, a service tag in any case, a prefix, or a bare address.
fn parse_address_match(text: &str) -> Option<AddressMatch> {
    const TAGS: [(&str, ServiceTag); 3] = [
        ("VIRTUALNETWORK", ServiceTag::VirtualNetwork),
        ("INTERNET", ServiceTag::Internet),
        ("AZURELOADBALANCER", ServiceTag::AzureLoadBalancer),
    ];
    if text == "*" {
        return Some(AddressMatch::Any);
    }
    let tag = TAGS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    tag.map(|(_, tag)| AddressMatch::Tag(*tag)).or_else(|| text.parse().ok().map(AddressMatch::Prefix))
}

/// The rule as hosts enforce it; `None` when the document is not one that this collection accepts.
pub(super) fn compile(rule: &Node) -> Option<AclRule> {
    Some(AclRule {
        id: rule.id.to_string(),
        priority: rule.text("priority")?.parse().ok()?,
        direction: match rule.text("type")? {
            "Inbound" => Direction::Inbound,
            _ => Direction::Outbound,
        },
        action: match rule.text("action")? {
            "Allow" => Action::Allow,
            _ => Action::Deny,
        },
        protocol: match rule.text("protocol")? {
            "TCP" | "HTTP" => Protocol::Tcp,
            "UDP" => Protocol::Udp,
            "ICMPv4" => Protocol::IcmpV4,
            "ICMPv6" => Protocol::IcmpV6,
            _ => Protocol::Any,
        },
        source: parse_address_match(rule.text(SOURCE.prefix)?)?,
        source_ports: rule.text(SOURCE.ports)?.parse().ok()?,
        destination: parse_address_match(rule.text(DESTINATION.prefix)?)?,
        destination_ports: rule.text(DESTINATION.ports)?.parse().ok()?,
        logging: rule.text("logging") == Some("Enabled"),
    })
}
