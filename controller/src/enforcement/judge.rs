//! From what is known of a host and a port to the state that readers see. Pure.

use super::host::{Contact, Host};
use super::state::{Code, Detail, Source, Status};
use policy::ids::Generation;
use policy::report::PortResult;

/// A state without its time.
pub(super) type Verdict = (Status, Vec<Detail>);

fn verdict(status: Status, source: Source, code: Code, message: impl Into<String>) -> Verdict {
    (status, vec![Detail { source, message: message.into(), code }])
}

/// Why the host is not connected, if it is not.
fn disconnected(host: &Host) -> Option<Verdict> {
    let failure = |code, message: String| Some(verdict(Status::Failure, Source::VirtualSwitch, code, message));
    let Some(server) = &host.server else {
        return failure(Code::HostNotConnectedToController, "The host is not a server of this controller.".into());
    };
    if server.agent.is_none() {
        let message = "No management address of the server can be dialled.".into();
        return failure(Code::HostNotConnectedToController, message);
    }
    match &host.contact {
        Contact::Untried | Contact::Reached => None,
        Contact::Unreachable(why) => failure(Code::HostUnreachable, format!("The agent does not answer: {why}.")),
        Contact::Stranger(why) => failure(Code::HostNotConnectedToController, format!("{why}.")),
    }
}

/// `servers.configurationState`: the connection to the host, and whether it takes its goal state.
pub(super) fn host(host: &Host) -> Verdict {
    if let Some(verdict) = disconnected(host) {
        return verdict;
    }
    match (&host.contact, &host.refusal) {
        (_, Some(why)) => {
            let message = format!("The host refused its goal state: {why}.");
            verdict(Status::Failure, Source::VirtualSwitch, Code::PolicyConfigurationFailure, message)
        }
        (Contact::Untried, None) => (Status::Uninitialized, Vec::new()),
        (_, None) => verdict(Status::Success, Source::VirtualSwitch, Code::Success, "Host connected."),
    }
}

/// `networkInterfaces.configurationState` of a NIC on `host`, whose policy changed last in `generation`. `networked`:
/// the NIC has an address on a virtual network.
pub(super) fn nic(host: &Host, generation: Generation, networked: bool, result: Option<&PortResult>) -> Verdict {
    if let Some(verdict) = disconnected(host) {
        return verdict;
    }
    if host.confirmed.is_none_or(|confirmed| confirmed < generation) {
        return match &host.refusal {
            Some(why) => {
                let message = format!("The host refused its goal state: {why}.");
                verdict(Status::Failure, Source::Firewall, Code::PolicyConfigurationFailure, message)
            }
            None => in_progress("The host has not confirmed the policy yet."),
        };
    }
    match result {
        None => in_progress("The host has not reported the port yet."),
        Some(PortResult::PortBlocked) => {
            let message = "The port has no policy and drops everything.";
            verdict(Status::Failure, Source::VirtualSwitch, Code::PortBlocked, message)
        }
        Some(PortResult::PolicyConfigurationFailureOnVfp { message }) => {
            verdict(Status::Failure, Source::Firewall, Code::PolicyConfigurationFailureOnVfp, message.as_str())
        }
        Some(PortResult::Success) if networked && host.lacks_provider_address() => {
            let message = "The host has no provider address: the port cannot be reached from other hosts.";
            verdict(Status::Failure, Source::VirtualNetwork, Code::PAIpAddressExhausted, message)
        }
        Some(PortResult::Success) => (Status::Success, Vec::new()),
    }
}

fn in_progress(message: &str) -> Verdict {
    verdict(Status::InProgress, Source::VirtualSwitch, Code::InProgress, message)
}
