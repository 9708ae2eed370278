//! What a port is under, for people: one line for each rule, layer by layer.

use crate::port::Port;
use crate::switch::Shared;
use crate::tenant::acl::CompiledAcl;
use crate::trace::Stage;

pub(crate) fn rules(shared: &Shared, port: &Port) -> Vec<String> {
    let Ok((enforced, domain)) = port.enforced(shared) else {
        return vec!["blocked: everything is dropped".to_owned()];
    };
    let policy = &enforced.policy;
    let mut lines = Vec::new();
    let mut add = |stage: Stage, text: String| lines.push(format!("{stage}: {text}"));
    for address in &policy.addresses {
        let mac = if policy.mac_spoofing { "any MAC".to_owned() } else { policy.mac.to_string() };
        add(Stage::Guard, format!("out allow from {mac} {}", address.ca));
    }
    if policy.dhcp_guard {
        add(Stage::Guard, "out deny DHCP server messages".to_owned());
    }
    for address in &policy.addresses {
        let subnet = domain.subnet_of(address.ca.into()).filter(|subnet| subnet.vsid == address.vsid);
        let lists = [address.acl, subnet.and_then(|subnet| subnet.acl)];
        let lists: Vec<&CompiledAcl> = lists.into_iter().flatten().filter_map(|acl| shared.acls.get(&acl)).collect();
        for line in lists.iter().flat_map(|list| list.rule_lines()) {
            add(Stage::Acl, format!("{} {line}", address.ca));
        }
        match lists.first() {
            Some(most_specific) => {
                for line in most_specific.default_lines() {
                    add(Stage::Acl, format!("{} {line}", address.ca));
                }
            }
            None => {
                let without = shared.config.without_acl;
                add(Stage::Acl, format!("{} no list: in {}, out {}", address.ca, without.inbound, without.outbound));
            }
        }
    }
    for subnet in domain.subnets() {
        let (vsid, prefix, router) = (subnet.vsid, subnet.prefix, subnet.router);
        add(Stage::Router, format!("{prefix} is subnet {vsid}, router {router} {}", domain.router_mac));
    }
    add(Stage::Encapsulation, format!("{} addresses are mapped", domain.space.len()));
    for (direction, bucket) in port.caps() {
        add(Stage::Queue, format!("{direction} {} Mbit/s", bucket.mbps()));
    }
    lines
}
