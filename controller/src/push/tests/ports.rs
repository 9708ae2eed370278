//! What agents report of their ports, and what readers see of it.

use super::*;
use crate::enforcement::Status;

fn status(controller: &Controller, nic: u128) -> Option<Status> {
    controller.enforcement.nic_state(nic_id(nic)).map(|state| state.status)
}

#[tokio::test]
async fn a_port_is_reported_bound_and_in_force() {
    let [one] = agents();
    let world = [server_at(1, endpoint(one.address)), network(BLUE, None, None), nic(0x11, BLUE, WEB, "10.0.0.4")];
    let mut controller = Controller::start(1, world).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    assert_eq!(status(&controller, 0x11), None);

    one.attach(nic_id(0x11));
    let report = controller.reports.until(|report| report.nics.contains(&nic_id(0x11))).await;
    assert_eq!((report.host, report.provider_address), (host(1), Some("192.0.2.99".parse().unwrap())));

    // The writer answers with a revision.
    controller.write([bind(0x11, 1)]).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    controller
        .enforcement
        .until(|now| now.nic_state(nic_id(0x11)).is_some_and(|nic| nic.status == Status::Success))
        .await;

    one.change(|inner| {
        inner.ports.clear();
        inner.sequence += 1;
    });
    controller.reports.until(|report| report.nics.is_empty() && report.snapshot).await;
    controller.write([Change::Binding(nic_id(0x11), None)]).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    assert_eq!(status(&controller, 0x11), None);
}

#[tokio::test]
async fn a_report_that_could_not_be_kept_is_repeated() {
    let [one] = agents();
    one.attach(nic_id(0x11));
    let controller = Controller::start(1, [network(BLUE, None, None)]).await;
    controller.reports.refuse.send_replace(3);
    controller
        .revisions
        .send(Revision { generation: Generation(2), changes: vec![server_at(1, endpoint(one.address))] })
        .await
        .unwrap();
    let report = controller.reports.until(|report| report.nics.contains(&nic_id(0x11))).await;
    assert!(report.snapshot);
    assert_eq!(*controller.reports.refuse.borrow(), 0);
    assert_ne!(code(&controller.enforcement, 1), Some(Code::HostUnreachable), "it is not the host's fault");
}

#[tokio::test]
async fn an_agent_that_starts_anew_is_asked_for_everything() {
    let [one] = agents();
    let controller = Controller::start(1, world(&[one.address])).await;
    assert_eq!(controller.enforced().await, Enforced::All);
    let (address, disk) = one.stop().await;
    let one = FakeAgent::restart(address, disk).await;
    one.attach(nic_id(0x11));
    let report = controller.reports.until(|report| report.nics.contains(&nic_id(0x11))).await;
    assert!(report.snapshot);
}
