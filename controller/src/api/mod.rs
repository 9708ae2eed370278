//! HTTP: paths, headers, statuses; everything else is asked of the engine. actix stays in here and in `startup`.

mod body;
mod error;
mod handlers;
mod headers;
mod metrics;
mod operations;
mod reply;
mod retries;
mod routes;
mod writes;

pub use handlers::serve;

use crate::enforcement::Enforcement;
use crate::engine::Engine;
use bytes::Bytes;
use metrics::Metrics;
use operations::Operations;
use retries::Retries;
use std::sync::Arc;

/// What the handlers of all workers share.
#[derive(Debug)]
pub struct Api {
    engine: Engine,
    enforcement: Arc<Enforcement>,
    /// Most bytes of a request body.
    body_limit: usize,
    /// The OpenAPI document.
    openapi: Bytes,
    operations: Operations,
    retries: Retries,
    metrics: Metrics,
}

impl Api {
    /// An API with no past.
    pub fn new(engine: Engine, enforcement: Arc<Enforcement>, body_limit: usize, openapi: Bytes) -> Self {
        Self {
            engine,
            enforcement,
            body_limit,
            openapi,
            operations: Operations::default(),
            retries: Retries::default(),
            metrics: Metrics::default(),
        }
    }
}
