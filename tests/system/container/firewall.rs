//! Firewall defaults of container endpoints, and what users may change: F1 to F7, F11 to F20 and F27.
//! (`firewall-defaults.md` section 3)
//!
//! On packets, through the nftables text that containers get: F1 to F7, F11, F12, F14 to F16, F19, F20. On rules and documents,
//! because only Windows has the place that they are about: F13, F17, F18. F27 is shown on both. F8 to F10 are in `nat.rs`, F21
//! to F26 in `sdn_port.rs`.

use super::cable::{Cable, inside, on_a_cable, outside};
use super::node::rules;
use harness::Result;
use private_cloud_plugin::firewall::{
    self, AclError, Era, Isolation, Place, Refusal, Rule, RuleSet, TCP, from_acl, may_change,
};
use private_cloud_plugin::hns::json;
use private_cloud_plugin::hns::policy::AclSettings;
use private_cloud_plugin::network::Kind;

/// GRE, ESP, SCTP, and one for experiments: what is not let in unsolicited.
const UNLISTED: [u8; 4] = [47, 50, 132, 253];

/// Those of them that raw bytes are a conversation in. SCTP is none: the kernel follows it by its chunks.
const SPOKEN: [u8; 3] = [47, 50, 253];

const IGMP: u8 = 2;

/// Drivers whose containers have an own address outside.
const WITHOUT_NAT: [Kind; 4] = [Kind::Transparent, Kind::Overlay, Kind::L2Bridge, Kind::L2Tunnel];

/// Drivers with a filter at the switch port.
const WITH_SWITCH_FILTER: [Kind; 3] = [Kind::Overlay, Kind::L2Bridge, Kind::L2Tunnel];

fn acl(text: &str) -> Result<Rule, AclError> {
    from_acl(&json::read::<AclSettings>(text).expect("members of an ACL")).map(|(_, rule)| rule)
}

fn block_80() -> Rule {
    acl(r#"{"Protocols": "6", "Action": "Block", "Direction": "In", "LocalPorts": "80", "Priority": 200}"#)
        .expect("an ACL")
}

fn with(kind: Kind, rules: impl IntoIterator<Item = (Place, Rule)>) -> Result<RuleSet, Refusal> {
    let defaults = firewall::defaults(kind, Isolation::Process, Era::Current);
    defaults.with_user_rules(kind, Isolation::Process, rules)
}

/// Everything goes out, whichever protocol it is. Somebody listens outside at TCP port 80.
async fn everything_goes_out(cable: &Cable) -> Result<()> {
    for protocol in UNLISTED.into_iter().chain([IGMP]) {
        let inbox = cable.outside.raw(protocol)?;
        cable.container.raw(protocol)?.send(b"out", outside())?;
        inbox.wait_for(b"out")?;
    }
    assert!(cable.container.connect(outside(), 80).await?.is_some());
    let inbox = cable.outside.datagrams(outside(), 5000)?;
    cable.container.datagrams(inside(), 6000)?.send("out", (outside(), 5000)).await;
    assert!(inbox.receive().await.is_some());
    assert!(cable.container.ping(outside())?.is_some());
    Ok(())
}

#[test]
fn f01_process_isolation_lets_everything_out() {
    on_a_cable(async |cable| {
        let _service = cable.outside.serve(80, "outside")?;
        for kind in Kind::ALL {
            cable.defaults(kind, Isolation::Process)?;
            everything_goes_out(cable).await?;
        }
        Ok(())
    });
}

#[test]
fn f02_process_isolation_lets_tcp_in_at_any_port() {
    on_a_cable(async |cable| {
        let ports = [1, 80, 65535];
        let _services: Vec<_> = ports.iter().map(|port| cable.container.serve(*port, "in")).collect::<Result<_>>()?;
        for kind in WITHOUT_NAT {
            cable.defaults(kind, Isolation::Process)?;
            for port in ports {
                assert!(cable.outside.connect(inside(), port).await?.is_some(), "{kind} {port}");
            }
        }
        Ok(())
    });
}

#[test]
fn f03_process_isolation_lets_udp_in() {
    on_a_cable(async |cable| {
        let inbox = cable.container.datagrams(inside(), 5000)?;
        let sender = cable.outside.datagrams(outside(), 6000)?;
        for kind in WITHOUT_NAT {
            cable.defaults(kind, Isolation::Process)?;
            sender.send(kind.name(), (inside(), 5000)).await;
            assert_eq!(inbox.receive().await.map(|(text, _)| text).as_deref(), Some(kind.name()));
        }
        Ok(())
    });
}

#[test]
fn f04_process_isolation_lets_echo_requests_of_both_families_in() {
    on_a_cable(async |cable| {
        for kind in WITHOUT_NAT {
            cable.defaults(kind, Isolation::Process)?;
            assert!(cable.outside.ping(inside())?.is_some(), "{kind}");
            assert!(cable.outside.ping("fd07::2".parse().expect("an address"))?.is_some(), "{kind}");
        }
        Ok(())
    });
}

#[test]
fn f05_process_isolation_lets_igmp_in() {
    on_a_cable(async |cable| {
        for kind in WITHOUT_NAT {
            cable.defaults(kind, Isolation::Process)?;
            assert_eq!(cable.comes_in(&[IGMP])?, [IGMP], "{kind}");
        }
        Ok(())
    });
}

#[test]
fn f06_process_isolation_denies_other_protocols_unsolicited() {
    on_a_cable(async |cable| {
        assert_eq!(cable.comes_in(&UNLISTED)?, UNLISTED, "without rules");
        for kind in Kind::ALL {
            // Flows of the first look are not to count as solicited.
            let cable = Cable::new()?;
            cable.defaults(kind, Isolation::Process)?;
            assert_eq!(cable.comes_in(&UNLISTED)?, <[u8; 0]>::default(), "{kind}");
        }
        Ok(())
    });
}

#[test]
fn f07_process_isolation_lets_answers_of_other_protocols_in() {
    on_a_cable(async |_| {
        for kind in Kind::ALL {
            let cable = Cable::new()?;
            cable.defaults(kind, Isolation::Process)?;
            for protocol in SPOKEN {
                let (asking, answering) = (cable.container.raw(protocol)?, cable.outside.raw(protocol)?);
                asking.send(b"question", outside())?;
                let question = answering.wait_for(b"question")?;
                answering.send(b"answer", question.from)?;
                asking.wait_for(b"answer")?;
            }
        }
        Ok(())
    });
}

#[test]
fn f11_hyper_v_isolation_lets_everything_out() {
    on_a_cable(async |cable| {
        let _service = cable.outside.serve(80, "outside")?;
        for kind in Kind::ALL {
            cable.defaults(kind, Isolation::HyperV)?;
            everything_goes_out(cable).await?;
        }
        Ok(())
    });
}

#[test]
fn f12_hyper_v_isolation_lets_every_protocol_in() {
    on_a_cable(async |cable| {
        let _service = cable.container.serve(80, "in")?;
        for kind in WITHOUT_NAT {
            cable.defaults(kind, Isolation::HyperV)?;
            assert_eq!(cable.comes_in(&UNLISTED)?, UNLISTED, "{kind}");
            assert!(cable.outside.connect(inside(), 80).await?.is_some(), "{kind}");
            assert!(cable.outside.ping(inside())?.is_some(), "{kind}");
        }
        Ok(())
    });
}

/// On rules: the firewall of a utility VM is nowhere but on Windows.
#[test]
fn f13_rules_of_nat_and_transparent_cannot_be_changed_with_hyper_v_isolation() {
    for kind in [Kind::Nat, Kind::Transparent] {
        for place in [Place::Host, Place::Switch] {
            let refusal = may_change(kind, Isolation::HyperV, place).unwrap_err();
            assert_eq!(refusal, Refusal::Fixed { kind });
            assert!(refusal.to_string().contains("not supported for this driver and isolation"), "{refusal}");
        }
    }
}

#[test]
fn f14_a_users_rule_at_the_switch_blocks() {
    on_a_cable(async |cable| {
        let _services = (cable.container.serve(80, "80")?, cable.container.serve(81, "81")?);
        for kind in WITH_SWITCH_FILTER {
            let rules = with(kind, [(Place::Switch, block_80())]).expect("allowed");
            assert_eq!(rules.host, firewall::defaults(kind, Isolation::Process, Era::Current).host);
            cable.install(&rules)?;
            assert!(cable.outside.connect(inside(), 80).await?.is_none(), "{kind}");
            assert!(cable.outside.connect(inside(), 81).await?.is_some(), "{kind}");
        }
        Ok(())
    });
}

#[test]
fn f15_a_users_rule_at_the_host_leaves_the_switch_untouched() {
    on_a_cable(async |cable| {
        let _service = cable.container.serve(80, "80")?;
        for kind in WITH_SWITCH_FILTER {
            cable.defaults(kind, Isolation::Process)?;
            let before = switch_table(cable)?;
            let with_rule = with(kind, [(Place::Host, block_80())]).expect("allowed");
            cable.install(&with_rule)?;
            assert_eq!(switch_table(cable)?, before, "{kind}");
            assert!(cable.outside.connect(inside(), 80).await?.is_none(), "{kind}");
        }
        Ok(())
    });
}

fn switch_table(cable: &Cable) -> Result<String> {
    rules(&cable.container, &["list", "table", "inet", "private-cloud-switch-c1"])
}

#[test]
fn f16_both_places_must_allow() {
    on_a_cable(async |cable| {
        let allow =
            acl(r#"{"Protocols": "6", "Action": "Allow", "Direction": "In", "LocalPorts": "80", "Priority": 100}"#)
                .expect("an ACL");
        let _service = cable.container.serve(80, "80")?;
        for kind in WITH_SWITCH_FILTER {
            for (host, switch, passes) in [
                (allow.clone(), block_80(), false),
                (block_80(), allow.clone(), false),
                (allow.clone(), allow.clone(), true),
            ] {
                cable.install(&with(kind, [(Place::Host, host), (Place::Switch, switch)]).expect("allowed"))?;
                assert_eq!(cable.outside.connect(inside(), 80).await?.is_some(), passes, "{kind}");
            }
        }
        Ok(())
    });
}

/// On rules: see F13.
#[test]
fn f17_a_rule_at_the_host_is_refused_with_hyper_v_isolation() {
    for kind in WITH_SWITCH_FILTER {
        let defaults = firewall::defaults(kind, Isolation::HyperV, Era::Current);
        let refused = defaults.clone().with_user_rules(kind, Isolation::HyperV, [(Place::Host, block_80())]);
        assert_eq!(refused, Err(Refusal::NoHostFirewall));
        let taken = defaults.with_user_rules(kind, Isolation::HyperV, [(Place::Switch, block_80())]);
        assert!(taken.is_ok_and(|rules| rules.host.is_none()), "{kind}");
    }
}

/// On rules: see F13.
#[test]
fn f18_a_rule_at_the_switch_is_refused_where_the_switch_does_not_filter() {
    for kind in [Kind::Nat, Kind::Transparent] {
        assert_eq!(with(kind, [(Place::Switch, block_80())]), Err(Refusal::NoSwitchFilter { kind }));
        assert!(with(kind, [(Place::Host, block_80())]).is_ok());
    }
}

#[test]
fn f19_a_host_of_the_old_era_denies_tcp_unless_it_is_published() {
    on_a_cable(async |_| {
        for kind in Kind::ALL {
            let cable = Cable::new()?;
            let _services = (cable.container.serve(80, "80")?, cable.container.serve(81, "81")?);
            let mut old = firewall::defaults(kind, Isolation::Process, Era::Before1709);
            cable.install(&old)?;
            assert!(cable.outside.connect(inside(), 80).await?.is_none(), "{kind}");
            assert_eq!(cable.comes_in(&[IGMP])?, <[u8; 0]>::default(), "{kind}");
            if kind == Kind::Nat {
                old.publish(TCP, 80);
                cable.install(&old)?;
                assert!(cable.outside.connect(inside(), 80).await?.is_some(), "published");
                assert!(cable.outside.connect(inside(), 81).await?.is_none(), "not published");
            }
        }
        Ok(())
    });
}

#[test]
fn f20_containers_of_a_pod_are_under_the_same_rules_which_count_once() {
    on_a_cable(async |cable| {
        let kind = Kind::L2Bridge;
        cable.install(&with(kind, [(Place::Switch, block_80())]).expect("allowed"))?;
        let before = rules(&cable.container, &["list", "ruleset"])?;
        // A second container of the pod joins the namespace; the runtime may set up the endpoint once more.
        cable.install(&with(kind, [(Place::Switch, block_80())]).expect("allowed"))?;
        assert_eq!(rules(&cable.container, &["list", "ruleset"])?, before);
        assert_eq!(before.matches("tcp dport 80 drop").count(), 1);
        let _services = (cable.container.serve(80, "first")?, cable.container.serve(81, "second")?);
        assert!(cable.outside.connect(inside(), 80).await?.is_none(), "whoever of them listens");
        assert!(cable.outside.connect(inside(), 81).await?.is_some());
        Ok(())
    });
}

#[test]
fn f27_the_defaults_are_exactly_what_is_documented() {
    for kind in Kind::ALL {
        let defaults = firewall::defaults(kind, Isolation::Process, Era::Current);
        for rules in [&defaults.host, &defaults.switch].into_iter().flatten() {
            let policies = firewall::acl_policies(&RuleSet { host: None, switch: Some(rules.clone()) });
            let acls = policies.iter().filter_map(|policy| policy.settings::<AclSettings>());
            let lines: Vec<_> =
                acls.map(|acl| format!("{:?} {:?} [{}]", acl.direction, acl.action, acl.protocols)).collect();
            assert_eq!(lines, ["In Allow [1,2,6,17,58]", "In Block []", "Out Allow []"], "{kind}");
        }
    }
    on_a_cable(async |cable| {
        cable.defaults(Kind::L2Bridge, Isolation::Process)?;
        let listed = switch_table(cable)?;
        let lines: Vec<_> =
            listed.lines().map(str::trim).filter(|line| line.contains("accept") || *line == "drop").collect();
        let neighbours =
            "icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept";
        let expected = [
            "iifname != \"eth0\" accept",
            "ct state established,related accept",
            neighbours,
            "meta l4proto { icmp, igmp, tcp, udp, ipv6-icmp } accept",
            "drop",
            "oifname != \"eth0\" accept",
            "ct state established,related accept",
            neighbours,
            "accept",
        ];
        assert_eq!(lines, expected);

        // Whoever blocks everything still finds, and is found by, its neighbours.
        let nothing = acl(r#"{"Action": "Block", "Direction": "In", "Priority": 1}"#).expect("an ACL");
        cable.install(&with(Kind::L2Bridge, [(Place::Switch, nothing)]).expect("allowed"))?;
        for end in [&cable.outside, &cable.container] {
            end.ip(&["neighbour flush dev eth0"])?;
        }
        assert!(cable.container.ping(outside())?.is_some());
        assert!(cable.container.ping("fd07::1".parse().expect("an address"))?.is_some());
        assert!(cable.outside.ping(inside())?.is_none());
        Ok(())
    });
}
