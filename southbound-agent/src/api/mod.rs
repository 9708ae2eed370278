//! The HTTP API. Handlers unpack, ask the agent, convert.

mod error;
mod events;
mod goal_state;
mod inspect;
mod metrics;
mod ports;

pub use error::ErrorBody;

use crate::agent::Agent;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpResponse, Responder};
use error::ApiError;

/// Largest body that is read. A whole goal state of a large host takes a few MiB.
const BODY_LIMIT: usize = 128 << 20;

/// Every path.
pub(crate) fn routes(config: &mut ServiceConfig) {
    let resource = |path: &str| web::resource(path).default_service(web::to(method_not_allowed));
    config
        .app_data(web::PayloadConfig::new(BODY_LIMIT))
        .app_data(web::QueryConfig::default().error_handler(|error, _| ApiError::Query(error.to_string()).into()))
        .app_data(web::PathConfig::default().error_handler(|error, _| ApiError::Path(error.to_string()).into()))
        .service(resource("/v1/goal-state").route(web::put().to(goal_state::put)))
        .service(resource("/v1/events").route(web::get().to(events::get)))
        .service(resource("/v1/status").route(web::get().to(inspect::status)))
        .service(resource("/v1/ports").route(web::get().to(ports::list)).route(web::post().to(ports::attach)))
        .service(resource("/v1/ports/{profileId}").route(web::delete().to(ports::detach)))
        .service(resource("/v1/ports/{profileId}/rules").route(web::get().to(inspect::rules)))
        .service(resource("/v1/ports/{profileId}/flows").route(web::get().to(inspect::flows)))
        .service(resource("/v1/trace").route(web::post().to(inspect::trace)))
        .service(resource("/healthz").route(web::get().to(healthz)))
        .service(resource("/metrics").route(web::get().to(metrics::get)))
        .default_service(web::to(not_found));
}

async fn healthz() -> impl Responder {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

async fn method_not_allowed() -> Result<HttpResponse, ApiError> {
    Err(ApiError::MethodNotAllowed)
}

async fn not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::NoSuchPath)
}

/// Runs `work` on a thread where it may wait for locks and disks.
async fn blocking<T: Send + 'static>(
    agent: Data<Agent>,
    work: impl FnOnce(&Agent) -> T + Send + 'static,
) -> Result<T, ApiError> {
    web::block(move || work(&agent)).await.map_err(|_| ApiError::ShuttingDown)
}
