//! Every path: who handles it, and how it is described.

use crate::api::error::ApiError;
use crate::api::{events, goal_state, inspect, metrics, ports, proxy};
use crate::openapi::{self, Operation, PathDescription};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Responder};

/// Largest body that is read. A whole goal state of a large host takes a few MiB.
const BODY_LIMIT: usize = 128 << 20;

/// Adds every path. A test holds this list against [`PATHS`].
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
        .service(resource("/v1/proxy").route(web::get().to(proxy::get)).route(web::put().to(proxy::put)))
        .service(resource("/v1/trace").route(web::post().to(inspect::trace)))
        .service(resource("/healthz").route(web::get().to(healthz)))
        .service(resource("/metrics").route(web::get().to(metrics::get)))
        .service(resource("/openapi.json").route(web::get().to(describe)))
        .default_service(web::to(not_found));
}

async fn healthz() -> impl Responder {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

async fn describe() -> impl Responder {
    HttpResponse::Ok().json(openapi::document())
}

async fn method_not_allowed() -> Result<HttpResponse, ApiError> {
    Err(ApiError::MethodNotAllowed)
}

async fn not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::NoSuchPath)
}

/// One status, its meaning, its schema.
type Answer = (u16, &'static str, &'static str);

const fn get(summary: &'static str, answers: &'static [Answer]) -> Operation {
    Operation { method: "get", summary, query: &[], body: None, answers }
}

/// Description of every path.
pub(crate) const PATHS: &[PathDescription] = &[
    PathDescription {
        path: "/v1/goal-state",
        operations: &[Operation {
            method: "put",
            summary: "Take an update; when this answers 200, it is on disk and in force.",
            query: &[],
            body: Some("Update"),
            answers: &[
                (200, "In force.", "Applied"),
                (409, "It does not fit what is in force; nothing changed.", "Refusal"),
                (400, "It is wrong in itself; nothing changed.", "Error"),
                (507, "The disk is full; nothing changed.", "Error"),
            ],
        }],
    },
    PathDescription {
        path: "/v1/events",
        operations: &[Operation {
            method: "get",
            summary: "Wait for changes of ports.",
            query: &[
                ("after", "integer", "Sequence number seen last."),
                ("instance", "string", "Run of the agent that it belongs to; of another run, or none: a snapshot."),
                ("wait", "integer", "Seconds to wait for news, 60 at most."),
            ],
            body: None,
            answers: &[(200, "Changes; none when the wait is over.", "Events")],
        }],
    },
    PathDescription {
        path: "/v1/status",
        operations: &[get("What the agent says of itself.", &[(200, "The answer.", "Status")])],
    },
    PathDescription {
        path: "/v1/ports",
        operations: &[
            get("List the attached ports.", &[(200, "The answer.", "[PortStatus]")]),
            Operation {
                method: "post",
                summary: "Attach a network device as the port of a VM.",
                query: &[],
                body: Some("AttachPort"),
                answers: &[
                    (201, "Attached.", "PortStatus"),
                    (200, "It was attached just so.", "PortStatus"),
                    (400, "The request or the device cannot be used.", "Error"),
                    (409, "The device is another profile's port.", "Error"),
                ],
            },
        ],
    },
    PathDescription {
        path: "/v1/ports/{profileId}",
        operations: &[Operation {
            method: "delete",
            summary: "Detach a port.",
            query: &[("device", "string", "Only if it is attached to this device.")],
            body: None,
            answers: &[(200, "The port as it was.", "PortStatus"), (404, "There is no such port.", "Error")],
        }],
    },
    PathDescription {
        path: "/v1/ports/{profileId}/rules",
        operations: &[get(
            "List the rules that a port is under, in the order of the layers.",
            &[(200, "The answer.", "[string]")],
        )],
    },
    PathDescription {
        path: "/v1/ports/{profileId}/flows",
        operations: &[Operation {
            method: "get",
            summary: "List the flows of a port.",
            query: &[("limit", "integer", "Most flows to list; 1000 if not given.")],
            body: None,
            answers: &[(200, "In no order.", "[Flow]")],
        }],
    },
    PathDescription {
        path: "/v1/proxy",
        operations: &[
            get("How the network proxy is, and what VMs asked it for.", &[(200, "The answer.", "Proxy")]),
            Operation {
                method: "put",
                summary: "Switch the network proxy, now and for the time after a restart.",
                query: &[],
                body: Some("ProxySettings"),
                answers: &[
                    (200, "On disk and in force.", "Proxy"),
                    (400, "The settings cannot be used; nothing changed.", "Error"),
                    (507, "The disk is full; nothing changed.", "Error"),
                ],
            },
        ],
    },
    PathDescription {
        path: "/v1/trace",
        operations: &[Operation {
            method: "post",
            summary: "Show the way of a packet through the layers of a port, without sending it.",
            query: &[],
            body: Some("TraceRequest"),
            answers: &[(200, "What was found on the way.", "Trace")],
        }],
    },
    PathDescription {
        path: "/healthz",
        operations: &[get("Whether the agent serves.", &[(200, "The answer.", "text")])],
    },
    PathDescription {
        path: "/metrics",
        operations: &[get("Counters in the Prometheus text format.", &[(200, "The answer.", "text")])],
    },
    PathDescription { path: "/openapi.json", operations: &[get("This document.", &[(200, "The answer.", "object")])] },
];
