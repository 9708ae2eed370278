//! What a pass means for each port. Pure.

use crate::driver::{DriverError, Key};
use crate::lower::goal::Goal;
use crate::lower::port::Unusable;
use crate::ports::Attachment;
use policy::report::PortResult;
use std::collections::BTreeMap;

/// Result for an attached port, given everything that could not be brought to the goal.
pub(crate) fn port_result(goal: Goal<'_>, port: &Attachment, failed: &BTreeMap<Key, DriverError>) -> PortResult {
    let failure = |message: String| PortResult::PolicyConfigurationFailureOnVfp { message };
    let keys = match goal.objects_of(port) {
        Ok(keys) => keys,
        Err(Unusable::NoPolicy) => return PortResult::PortBlocked,
        Err(unusable) => return failure(unusable.to_string()),
    };
    match keys.iter().find_map(|key| failed.get(key)) {
        Some(error) => failure(error.to_string()),
        None => PortResult::Success,
    }
}
