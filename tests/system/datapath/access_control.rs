//! Access control lists on real flows. `semantics.md` section 1.

use super::tenant::{acl, network, open_network, vm};
use harness::documents::{self, ALLOW_ALL};
use harness::fabric::on_fabric;

#[test]
fn without_any_list_a_vm_may_send_and_is_not_reached() {
    on_fabric(2, async |fabric| {
        network(fabric, "blue", None).await?;
        acl(fabric, "open", &ALLOW_ALL).await?;
        let bare = vm(fabric, 0, "bare", "10.0.1.4", "blue/web", None).await?;
        let open = vm(fabric, 1, "open", "10.0.1.5", "blue/web", Some("open")).await?;
        assert_eq!(open.ping(bare.address())?, None);
        assert!(bare.ping(open.address())?.is_some());
        Ok(())
    });
}

#[test]
fn the_interfaces_list_is_judged_before_the_subnets() {
    on_fabric(2, async |fabric| {
        acl(fabric, "subnet", &["100 in deny tcp * > *:80", "200 in allow * * > *", "100 out allow * * > *"]).await?;
        acl(fabric, "interface", &["500 in allow tcp * > *:80", "600 in deny tcp * > *:81"]).await?;
        network(fabric, "blue", Some("subnet")).await?;
        let client = vm(fabric, 0, "client", "10.0.1.4", "blue/web", None).await?;
        let plain = vm(fabric, 1, "plain", "10.0.1.5", "blue/web", None).await?;
        let special = vm(fabric, 1, "special", "10.0.1.6", "blue/web", Some("interface")).await?;
        for (server, port, reached) in [
            (&plain, 80, false),  // the subnet's deny
            (&plain, 81, true),   // the subnet's allow
            (&special, 80, true), // the interface's allow, although its number is higher than the subnet's deny
            (&special, 81, false),
            (&special, 82, true), // nothing on the interface matches: the subnet's allow
        ] {
            let _service = server.serve(port, "hello")?;
            let conversation = client.connect(server.address(), port).await?;
            assert_eq!(conversation.is_some(), reached, "{}:{port}", server.name);
        }
        Ok(())
    });
}

#[test]
fn return_traffic_of_an_allowed_flow_passes_a_list_that_denies_inbound() {
    on_fabric(2, async |fabric| {
        open_network(fabric, "blue").await?;
        acl(fabric, "closed", &["100 in deny * * > *", "100 out allow * * > *"]).await?;
        let closed = vm(fabric, 0, "closed", "10.0.1.4", "blue/web", Some("closed")).await?;
        let peer = vm(fabric, 1, "peer", "10.0.1.5", "blue/web", None).await?;
        let _services = (closed.serve(80, "closed")?, peer.serve(80, "peer")?);
        assert!(peer.connect(closed.address(), 80).await?.is_none());
        let mut conversation = closed.connect(peer.address(), 80).await?.expect("the way out is open");
        assert_eq!(conversation.say("and back").await.as_deref(), Some("and back"));
        assert!(closed.ping(peer.address())?.is_some());
        assert_eq!(peer.ping(closed.address())?, None);
        Ok(())
    });
}

#[test]
fn a_new_deny_rule_stops_established_flows_and_an_unrelated_edit_disturbs_none() {
    on_fabric(2, async |fabric| {
        open_network(fabric, "blue").await?;
        let client = vm(fabric, 0, "client", "10.0.1.4", "blue/web", None).await?;
        let server = vm(fabric, 1, "server", "10.0.1.5", "blue/web", None).await?;
        let _services = (server.serve(80, "first")?, server.serve(81, "second")?);
        let mut first = client.connect(server.address(), 80).await?.expect("a connection");
        let mut second = client.connect(server.address(), 81).await?.expect("a connection");

        acl(fabric, "open", &["100 in deny tcp * > *:9999", ALLOW_ALL[0], ALLOW_ALL[1]]).await?;
        assert_eq!(first.say("still").await.as_deref(), Some("still"), "a rule about something else was added");
        assert_eq!(second.say("here").await.as_deref(), Some("here"));

        acl(fabric, "open", &["100 in deny tcp * > *:80", ALLOW_ALL[0], ALLOW_ALL[1]]).await?;
        assert_eq!(first.say("anyone?").await, None, "the rule names this flow");
        assert_eq!(second.say("fine").await.as_deref(), Some("fine"), "and not this one");
        assert!(client.connect(server.address(), 80).await?.is_none(), "new flows are stopped as well");
        Ok(())
    });
}

#[test]
fn a_new_deny_rule_stops_the_answers_of_an_established_flow_too() {
    on_fabric(2, async |fabric| {
        open_network(fabric, "blue").await?;
        let client = vm(fabric, 0, "client", "10.0.1.4", "blue/web", None).await?;
        let server = vm(fabric, 1, "server", "10.0.1.5", "blue/web", None).await?;
        let asking = client.datagrams(client.address(), 5000)?;
        let answering = server.datagrams(server.address(), 6000)?;
        asking.send("question", (server.address(), 6000)).await;
        let (_, from) = answering.receive().await.expect("the question");
        answering.send("answer", (from.ip(), from.port())).await;
        assert!(asking.receive().await.is_some());

        acl(fabric, "open", &["100 in deny udp * > *:6000", ALLOW_ALL[0], ALLOW_ALL[1]]).await?;
        answering.send("late answer", (from.ip(), from.port())).await;
        // From another port, which no rule names and no flow of old covers.
        let other = server.datagrams(server.address(), 6001)?;
        other.send("marker", (from.ip(), from.port())).await;
        let first = asking.receive().await.map(|(text, _)| text);
        assert_eq!(first.as_deref(), Some("marker"), "the flow was admitted by a rule that is no more");
        Ok(())
    });
}

#[test]
fn rules_name_prefixes_ports_and_service_tags() {
    on_fabric(2, async |fabric| {
        let rules = [
            "100 in allow tcp 10.0.1.4/32 > *:1000-1999",
            "110 in allow tcp VIRTUALNETWORK > 10.0.1.5:2000",
            "120 in allow tcp INTERNET > *:3000",
            "200 in deny * * > *",
        ];
        acl(fabric, "fine", &rules).await?;
        network(fabric, "blue", None).await?;
        let named = vm(fabric, 0, "named", "10.0.1.4", "blue/web", None).await?;
        let other = vm(fabric, 0, "other", "10.0.2.4", "blue/db", None).await?;
        let server = vm(fabric, 1, "server", "10.0.1.5", "blue/web", Some("fine")).await?;
        let _services = [999, 1000, 1999, 2000, 3000].map(|port| server.serve(port, "hello"));
        for (client, port, reached) in [
            (&named, 1000, true),
            (&named, 1999, true),
            (&named, 999, false),
            (&other, 1000, false),
            (&named, 2000, true),
            (&other, 2000, true),
            (&named, 3000, false),
        ] {
            let conversation = client.connect(server.address(), port).await?;
            assert_eq!(conversation.is_some(), reached, "{} > {port}", client.name);
        }
        Ok(())
    });
}

#[test]
fn a_list_put_on_a_running_subnet_bites_at_once_and_taken_off_no_more() {
    on_fabric(2, async |fabric| {
        open_network(fabric, "blue").await?;
        acl(fabric, "no-ping", &["100 in deny icmpv4 * > *", "200 in allow * * > *"]).await?;
        let client = vm(fabric, 0, "client", "10.0.1.4", "blue/web", None).await?;
        let server = vm(fabric, 1, "server", "10.0.2.4", "blue/db", None).await?;
        for (list, reached) in [("no-ping", false), ("open", true), ("no-ping", false)] {
            let subnet = documents::subnet("db", "10.0.2.0/24", Some(list));
            let written = fabric.rest().put("/virtualNetworks/blue/subnets/db", &subnet).await?;
            super::tenant::enforced(&written)?;
            assert_eq!(client.ping(server.address())?.is_some(), reached, "{list}");
        }
        Ok(())
    });
}
