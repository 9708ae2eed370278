//! Which rule decides: `semantics.md` section 1.

use crate::fabric::{Fabric, echo, syn, udp};
use crate::frame::{Packet, Payload};
use vfp::DropReason;

/// Whether a packet from a VM on the other host passes the lists of 10.0.1.10.
fn inbound(nic: Option<&[&str]>, subnet: Option<&[&str]>, payload: Payload) -> bool {
    let mut fabric = Fabric::new();
    nic.into_iter().for_each(|lines| fabric.set_acl(1, lines));
    subnet.into_iter().for_each(|lines| fabric.set_acl(2, lines));
    fabric.set_network(0, subnet.map(|_| 2));
    let to = fabric.vm(1, 0, &[("10.0.1.10", nic.map(|_| 1))]);
    // The sender's own list allows everything; what is tested is the receiver's.
    let from = fabric.vm(2, 1, &[("10.0.2.20", Some(0))]);
    fabric.exchange(from, to, payload).is_delivered()
}

#[test]
fn the_first_match_decides_nic_list_before_subnet_list() {
    let web = || syn(80);
    for (case, nic, subnet, passes) in [
        ("lower number first", Some(&["100 in allow tcp * > *:80", "200 in deny * * > *"][..]), None, true),
        ("and the other way", Some(&["100 in deny tcp * > *:80", "200 in allow * * > *"]), None, false),
        (
            "NIC allow before subnet deny",
            Some(&["300 in allow tcp * > *:80"]),
            Some(&["100 in deny * * > *"][..]),
            true,
        ),
        ("NIC deny before subnet allow", Some(&["300 in deny tcp * > *:80"]), Some(&["100 in allow * * > *"]), false),
        ("NIC list without a match", Some(&["300 in deny tcp * > *:443"]), Some(&["100 in deny * * > *"]), false),
        ("only the subnet has a list", None, Some(&["100 in deny tcp * > *:80"]), false),
        ("rules of the other direction", Some(&["100 out deny * * > *"]), None, true),
        ("default of the NIC list", Some(&["in deny"]), Some(&["in allow"]), false),
        ("default of the NIC list, allowing", Some(&[]), Some(&["in deny"]), true),
        ("default of the subnet list", None, Some(&["in deny"]), false),
        ("default of the other direction", None, Some(&["out deny"]), true),
        ("no list at all", None, None, false),
    ] {
        assert_eq!(inbound(nic, subnet, web()), passes, "{case}");
    }
}

#[test]
fn every_field_of_a_rule_is_compared() {
    for (rule, payload, passes) in [
        ("100 in allow tcp * > *:80-90", syn(80), true),
        ("100 in allow tcp * > *:80-90", syn(90), true),
        ("100 in allow tcp * > *:80-90", syn(91), false),
        ("100 in allow tcp *:40000 > *", syn(1), true),
        ("100 in allow tcp *:40001 > *", syn(1), false),
        ("100 in allow udp * > *", syn(1), false),
        ("100 in allow udp * > *", udp(1, 2), true),
        ("100 in allow icmpv4 * > *", echo(1, true), true),
        ("100 in allow icmpv6 * > *", echo(1, true), false),
        ("100 in allow * * > *", Payload::Raw { protocol: 47, bytes: vec![0; 8] }, true),
        ("100 in allow tcp * > *", Payload::Raw { protocol: 47, bytes: vec![0; 8] }, false),
        ("100 in allow * 10.0.2.0/24 > 10.0.1.10", syn(1), true),
        ("100 in allow * 10.0.3.0/24 > *", syn(1), false),
        ("100 in allow * * > 10.0.1.11", syn(1), false),
        ("100 in allow * 0.0.0.0/0 > *", syn(1), true),
        ("100 in allow * ::/0:* > *", syn(1), false),
        ("100 in allow * !10.0.2.0/24 > *", syn(1), false),
        ("100 in allow * !10.0.3.0/24 > *", syn(1), true),
        ("100 in allow * !fd00::/8:* > *", syn(1), true),
        // Ports of protocols that have none are ignored; a restricted range with any protocol means TCP and UDP.
        ("100 in allow icmpv4 * > *:80", echo(1, true), true),
        ("100 in allow * * > *:0-79", echo(1, true), false),
        ("100 in allow * * > *:0-65535", echo(1, true), true),
        ("100 in allow * * > *:0-79", udp(9, 53), true),
        ("100 in allow * * > *:0-79", udp(9, 80), false),
    ] {
        assert_eq!(inbound(Some(&[rule, "in deny"]), None, payload), passes, "{rule}");
    }
}

#[test]
fn without_any_list_traffic_leaves_and_only_its_answers_come_in() {
    let mut fabric = Fabric::new();
    let bare = fabric.vm(1, 0, &[("10.0.1.10", None)]);
    let open = fabric.vm(2, 1, &[("10.0.1.20", Some(0))]);
    fabric.exchange(open, bare, udp(5, 6)).assert_dropped(DropReason::AclDenied);
    fabric.exchange(bare, open, udp(6, 5)).received_by(open);
    fabric.exchange(open, bare, udp(5, 6)).received_by(bare);
}

#[test]
fn the_list_of_an_ip_configuration_governs_its_address_alone() {
    let mut fabric = Fabric::new();
    fabric.set_acl(1, &["100 in deny tcp * > *:80"]);
    fabric.set_acl(2, &["100 in deny tcp * > *:443"]);
    let host = fabric.vm(1, 0, &[("10.0.1.10", Some(1)), ("10.0.1.101", Some(2)), ("10.0.1.102", None)]);
    let client = fabric.vm(2, 1, &[("10.0.1.20", Some(0))]);
    for (address, port, passes) in [
        ("10.0.1.10", 80, false),
        ("10.0.1.10", 443, true),
        ("10.0.1.101", 80, true),
        ("10.0.1.101", 443, false),
        // No list on the address, none on the subnet: as if no list were attached.
        ("10.0.1.102", 443, false),
    ] {
        let packet = Packet::new(fabric.ca(client), address.parse().unwrap(), syn(port));
        assert_eq!(fabric.send(client, &packet).is_delivered(), passes, "{address} port {port}");
    }
    let from_container = Packet::new("10.0.1.101".parse().unwrap(), fabric.ca(client), udp(1, 2));
    fabric.send(host, &from_container).received_by(client);
}

#[test]
fn both_ports_judge_traffic_within_one_host() {
    for (sender, receiver, passes) in [
        (&["100 out deny tcp * > *:80"][..], &[][..], false),
        (&[], &["100 in deny tcp * > *:80"], false),
        (&[], &[], true),
    ] {
        let mut fabric = Fabric::new();
        fabric.set_acl(1, sender);
        fabric.set_acl(2, receiver);
        let from = fabric.vm(1, 0, &[("10.0.1.10", Some(1))]);
        let to = fabric.vm(2, 0, &[("10.0.1.20", Some(2))]);
        assert_eq!(fabric.exchange(from, to, syn(80)).is_delivered(), passes);
    }
}
