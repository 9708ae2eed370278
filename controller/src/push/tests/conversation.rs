//! How goal states reach agents that come, go, forget and fail.

use super::*;
use policy::goal_state::{ContentHash, SectionKey};

#[tokio::test]
async fn a_change_goes_to_its_span_and_nobody_else_is_told() {
    let agents = agents::<3>();
    let mut controller = Controller::start(7, world(&agents.each_ref().map(|agent| agent.address))).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    assert_eq!(agents[0].updates(), [update(7, None, 4)], "host, port, routes, mappings");
    assert_eq!(agents[2].updates(), [update(7, None, 1)], "host");

    controller.write([nic(0x11, BLUE, WEB, "10.0.0.6")]).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    assert_eq!(agents[0].updates()[1..], [update(8, Some(7), 2)], "the port and the shard");
    assert_eq!(agents[1].updates()[1..], [update(8, Some(7), 1)], "the shard");
    assert_eq!(agents[2].updates().len(), 1);

    // A shared section has the same name everywhere.
    let shards = |agent: &FakeAgent| -> Vec<ContentHash> {
        let inner = agent.state.borrow();
        inner
            .manifest
            .iter()
            .filter(|(key, _)| matches!(key, SectionKey::Mappings(..)))
            .map(|(_, hash)| *hash)
            .collect()
    };
    assert_eq!(shards(&agents[0]), shards(&agents[1]));

    // What leaves the goal state leaves the agent.
    controller.write([Change::Binding(nic_id(0x12), None)]).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    assert_eq!(agents[1].state.borrow().manifest.keys().collect::<Vec<_>>(), [&SectionKey::Host]);
}

#[tokio::test]
async fn a_write_that_concerns_no_host_is_enforced_at_once() {
    let mut controller = Controller::start(1, [network(BLUE, None, None)]).await;
    controller.write([nic(0x11, BLUE, WEB, "10.0.0.4")]).await;
    assert_eq!(controller.enforced().await, Enforced::All);
}

#[tokio::test]
async fn a_dead_host_delays_nobody_and_converges_when_it_is_back() {
    let [one, two] = agents();
    let world = world(&[one.address, two.address]);
    let (address, disk) = two.stop().await;
    let mut controller = Controller::start(1, world).await;
    // No host is waited for in vain: the answer comes long before the time is up.
    assert_eq!(controller.enforced().await, Enforced::Partial);
    assert_eq!(one.state.borrow().in_force, Some((EPOCH, Generation(1))));
    assert_eq!(code(&controller.enforcement, 2), Some(Code::HostUnreachable));
    for last in 10..30 {
        controller.write([nic(0x11, BLUE, WEB, &format!("10.0.0.{last}"))]).await;
        assert_eq!(controller.enforced().await, Enforced::Partial);
    }
    let two = FakeAgent::restart(address, disk).await;
    controller.enforcement.until(|now| now.confirmed(host(2)) == Some(Generation(21))).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    assert_eq!(two.updates(), [update(21, None, 4)], "the newest state, once");
}

#[tokio::test]
async fn newer_generations_merge_while_one_is_on_its_way() {
    let [one, two] = agents();
    let mut controller = Controller::start(1, world(&[one.address, two.address])).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    one.change(|inner| inner.behaviour = Behaviour::Slow);
    controller.write([nic(0x11, BLUE, WEB, "10.0.0.6")]).await;
    one.until(|inner| inner.updates.len() == 2).await;
    for last in 7..30 {
        controller.write([nic(0x11, BLUE, WEB, &format!("10.0.0.{last}"))]).await;
    }
    two.until(|inner| inner.in_force == Some((EPOCH, Generation(25)))).await;
    one.change(|inner| inner.behaviour = Behaviour::Faithful);
    assert_eq!(controller.enforced().await, Enforced::All);
    assert_eq!(one.updates()[2..], [update(25, Some(2), 2)]);
}

#[tokio::test]
async fn an_agent_that_comes_back_with_its_state_is_sent_changes_only() {
    let [one] = agents();
    let mut controller = Controller::start(1, world(&[one.address])).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    let (address, disk) = one.stop().await;
    controller.enforcement.until(|now| code(now, 1) == Some(Code::HostUnreachable)).await;
    let one = FakeAgent::restart(address, disk).await;
    controller.enforcement.until(|now| code(now, 1) == Some(Code::Success)).await;
    controller.write([nic(0x11, BLUE, WEB, "10.0.0.6")]).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    assert_eq!(one.updates(), [update(2, Some(1), 2)]);
}

#[tokio::test]
async fn an_agent_that_lost_its_state_gets_all_of_it_without_being_asked_to() {
    let [one] = agents();
    let controller = Controller::start(1, world(&[one.address])).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    let (address, mut disk) = one.stop().await;
    (disk.in_force, disk.manifest, disk.bodies) = (None, Default::default(), Default::default());
    let one = FakeAgent::restart(address, disk).await;
    one.until(|inner| inner.in_force == Some((EPOCH, Generation(1)))).await;
    assert_eq!(one.updates(), [update(1, None, 4)]);
}

#[tokio::test]
async fn an_agent_that_fell_behind_gets_names_first_and_then_the_bodies_it_lacks() {
    let [one] = agents();
    let mut controller = Controller::start(5, world(&[one.address])).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    one.change(|inner| {
        inner.in_force = Some((EPOCH, Generation(3)));
        inner.bodies.pop_first();
    });
    controller.write([bind(0x12, 1)]).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    let names = Received { generation: 6, base: None, set: 5, bodies: 0 };
    let updates = one.updates();
    assert_eq!(updates[1..3], [update(6, Some(5), 2), names.clone()]);
    assert!(updates.len() == 4 && updates[3].bodies < updates[3].set, "{updates:?}");
}

#[tokio::test]
async fn a_controller_that_starts_anew_sends_names_and_no_bodies() {
    let [one] = agents();
    let world = world(&[one.address]);
    let controller = Controller::start(5, world.clone()).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    controller.dissemination.stop().await;

    let controller = Controller::start(5, world.clone()).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    let names = Received { generation: 5, base: None, set: 4, bodies: 0 };
    assert_eq!(one.updates(), [update(5, None, 4), names]);
    controller.dissemination.stop().await;

    // A database that was put back starts another epoch, however low its generation.
    one.change(|inner| inner.in_force = Some((Epoch(Uuid::nil()), Generation(900))));
    let controller = Controller::start(2, world).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    assert_eq!(one.state.borrow().in_force, Some((EPOCH, Generation(2))));
}

#[tokio::test]
async fn an_update_whose_answer_was_lost_is_not_sent_again() {
    let [one] = agents();
    let impatient = PushSettings { answer_timeout: Duration::from_millis(500), ..quick() };
    let mut controller = Controller::start_with(impatient, 1, world(&[one.address])).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    one.change(|inner| inner.behaviour = Behaviour::Mute);
    controller.write([nic(0x11, BLUE, WEB, "10.0.0.6")]).await;
    controller.enforcement.until(|now| now.confirmed(host(1)) == Some(Generation(2))).await;
    one.change(|inner| inner.behaviour = Behaviour::Faithful);
    controller.write([nic(0x11, BLUE, WEB, "10.0.0.7")]).await;
    controller.enforcement.until(|now| now.confirmed(host(1)) == Some(Generation(3))).await;
    assert_eq!(one.updates()[1..], [update(2, Some(1), 2), update(3, Some(2), 2)]);
}

#[tokio::test]
async fn a_refusal_is_shown_until_the_agent_takes_its_goal_state() {
    let [one] = agents();
    let mut controller = Controller::start(1, world(&[one.address])).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    one.change(|inner| inner.behaviour = Behaviour::Failing);
    controller.write([nic(0x11, BLUE, WEB, "10.0.0.6")]).await;
    controller.enforcement.until(|now| code(now, 1) == Some(Code::PolicyConfigurationFailure)).await;
    let state = controller.enforcement.nic_state(nic_id(0x11)).unwrap();
    assert_eq!(state.details[0].code, Code::PolicyConfigurationFailure);
    assert!(state.details[0].message.contains("no space left on device"), "{state:?}");
    one.change(|inner| inner.behaviour = Behaviour::Faithful);
    controller.enforcement.until(|now| code(now, 1) == Some(Code::Success)).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    let counters = controller.enforcement.counters(host(1)).unwrap();
    assert!(counters.failures > 0 && counters.applied == 2 && counters.bytes > 0, "{counters:?}");
}

#[tokio::test]
async fn an_agent_ahead_of_its_controller_is_left_alone_and_reported() {
    let [one] = agents();
    one.change(|inner| inner.in_force = Some((EPOCH, Generation(9))));
    let controller = Controller::start(5, world(&[one.address])).await;
    assert_eq!(controller.enforced().await, Enforced::None);
    controller.enforcement.until(|now| code(now, 1) == Some(Code::PolicyConfigurationFailure)).await;
    assert_eq!(one.state.borrow().in_force, Some((EPOCH, Generation(9))));
}

#[tokio::test]
async fn a_stranger_at_the_address_is_sent_nothing() {
    let [one] = agents();
    one.change(|inner| inner.host_id = Some(host(77)));
    let controller = Controller::start(1, world(&[one.address])).await;
    assert_eq!(controller.enforced().await, Enforced::None);
    controller.enforcement.until(|now| code(now, 1) == Some(Code::HostNotConnectedToController)).await;
    assert_eq!(one.updates(), []);
}

#[tokio::test]
async fn a_server_that_moves_to_another_address_is_followed_and_one_that_goes_is_let_go() {
    let [one, two] = agents();
    let mut controller = Controller::start(1, world(&[one.address])).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    two.change(|inner| inner.host_id = None);
    controller.write([server_at(1, endpoint(two.address))]).await;
    two.until(|inner| inner.in_force == Some((EPOCH, Generation(1)))).await;
    controller.write([Change::Server(host(1), None), nic(0x11, BLUE, WEB, "10.0.0.6")]).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    assert_eq!(controller.enforcement.host_state(host(1)).map(|state| state.details[0].code), None);
    assert_eq!((one.updates().len(), two.updates().len()), (1, 1));
}

#[tokio::test]
async fn an_idle_agent_is_asked_now_and_then_whether_it_still_enforces() {
    let [one] = agents();
    let watchful = PushSettings { audit_interval: Duration::from_millis(5), ..quick() };
    let controller = Controller::start_with(watchful, 1, world(&[one.address])).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    one.change(|inner| inner.in_force = None);
    one.until(|inner| inner.in_force == Some((EPOCH, Generation(1)))).await;
}
