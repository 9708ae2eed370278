//! Bringing what is programmed to the goal.

pub(crate) mod outcome;
pub(crate) mod plan;

use crate::driver::{DriverError, Key, VfpDriver};
use crate::lower::goal::Goal;
use plan::{differences, ordered};
use std::collections::BTreeMap;

/// Attempts for steps that failed. A second one helps when two objects trade something that only one may have, such as
/// a virtual subnet id: whoever takes before the other gives fails first.
const ATTEMPTS: usize = 2;

/// What one pass came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Steps that were carried out.
    pub(crate) applied: usize,
    /// Objects that could not be brought to the goal, and why. They are planned again in the next pass.
    pub(crate) failed: BTreeMap<Key, DriverError>,
}

/// A pass over everything: reads back what is programmed and heals every difference.
///
/// # Errors
/// What is programmed could not be read; nothing was tried.
pub(crate) fn reconcile(driver: &mut dyn VfpDriver, goal: Goal<'_>) -> Result<Outcome, DriverError> {
    let keys = differences(&goal.names(), &driver.read()?);
    Ok(apply(driver, goal, keys))
}

/// Brings the objects named by `keys` to the goal, without looking at the others.
pub(crate) fn apply(driver: &mut dyn VfpDriver, goal: Goal<'_>, keys: impl IntoIterator<Item = Key>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut steps = ordered(goal.steps(keys));
    for _ in 0..ATTEMPTS {
        let tried = steps.len();
        outcome.failed = driver.apply(steps).into_iter().collect();
        outcome.applied += tried - outcome.failed.len();
        if outcome.failed.is_empty() {
            break;
        }
        steps = ordered(goal.steps(outcome.failed.keys().copied()));
    }
    outcome
}
