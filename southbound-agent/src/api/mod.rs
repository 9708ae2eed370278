//! The HTTP API. Handlers unpack, ask the agent, convert.

mod error;
mod events;
mod goal_state;
mod inspect;
mod metrics;
mod paths;
mod ports;
mod proxy;

pub use error::ErrorBody;
pub(crate) use paths::{PATHS, routes};

use crate::agent::Agent;
use actix_web::web::{self, Data};
use error::ApiError;

/// Runs `work` on a thread where it may wait for locks and disks.
async fn blocking<T: Send + 'static>(
    agent: Data<Agent>,
    work: impl FnOnce(&Agent) -> T + Send + 'static,
) -> Result<T, ApiError> {
    web::block(move || work(&agent)).await.map_err(|_| ApiError::ShuttingDown)
}

#[cfg(test)]
pub(crate) mod tests;
