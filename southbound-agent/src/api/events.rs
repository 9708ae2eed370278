//! `GET /v1/events`: waits until there is something to say.

use crate::agent::Agent;
use crate::api::error::ApiError;
use crate::events::has_news;
use actix_web::web::{Data, Query};
use actix_web::{HttpResponse, Responder};
use serde::Deserialize;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

/// Longest wait: below the idle timeouts of what may stand in between.
const LONGEST_WAIT_SECONDS: u64 = 60;

/// Query of the path.
#[derive(Debug, Deserialize)]
pub(super) struct Since {
    /// Sequence number seen last.
    #[serde(default)]
    after: u64,
    /// Run of the agent that it belongs to.
    instance: Option<Uuid>,
    /// Seconds to wait for news.
    #[serde(default)]
    wait: u64,
}

/// 200 `Events`, empty when the wait is over.
pub(super) async fn get(agent: Data<Agent>, since: Query<Since>) -> Result<impl Responder, ApiError> {
    // Subscribing first: what happens between the look and the wait is not missed.
    let mut news = agent.subscribe();
    let Since { after, instance, wait } = since.into_inner();
    let wait = Duration::from_secs(wait.min(LONGEST_WAIT_SECONDS));
    let deadline = Instant::now() + wait;
    let events = loop {
        let events = agent.events(instance, after);
        if has_news(&events) || !matches!(timeout_at(deadline, news.changed()).await, Ok(Ok(()))) {
            break events;
        }
    };
    Ok(HttpResponse::Ok().json(events))
}
