//! One handler for all collections.

use super::error::internal;
use super::headers::Common;
use super::operations::Operation;
use super::reply::{Body, Reply};
use super::routes::{List, Route, route};
use super::{Api, metrics, writes};
use crate::engine::evaluate::not_found;
use crate::engine::render::Renderer;
use crate::engine::world::{Key, World};
use crate::engine::write::Address;
use crate::error::{ApiError, Code};
use crate::resources::catalogue::Unserved;
use crate::resources::schema::{Collection, Identity, Untouched};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use std::time::Instant;
use uuid::Uuid;

/// Answers any request.
pub async fn serve(request: HttpRequest, mut payload: web::Payload, api: web::Data<Api>) -> HttpResponse {
    let started = Instant::now();
    let common = Common::of(&request);
    let reply = dispatch(&api, &request, &mut payload, &common).await.unwrap_or_else(Reply::from);
    tracing::debug!(
        method = %request.method(),
        path = request.uri().path(),
        status = reply.status.as_u16(),
        request_id = %common.request_id,
        "answered"
    );
    api.metrics.count(request.method().as_str(), reply.status.as_u16(), started.elapsed());
    reply.into_response(&common)
}

async fn dispatch(
    api: &Api,
    request: &HttpRequest,
    payload: &mut web::Payload,
    common: &Common,
) -> Result<Reply, ApiError> {
    let path = request.uri().path();
    let Some(route) = route(path) else {
        return Err(ApiError::new(Code::NotFound, format!("There is nothing at {path}.")));
    };
    let read = matches!(*request.method(), Method::GET | Method::HEAD);
    match route {
        Route::Document(address) if !read => writes::document(api, request, payload, address, common).await,
        Route::Unserved { what, parent, list } if !read => unserved_write(request.method(), what, parent, list),
        _ if !read => Ok(Reply::method_not_allowed("GET, HEAD")),
        Route::Document(address) => document(api, &address),
        Route::List(list) => self::list(api, &list),
        Route::Unserved { what, parent, list } => unserved(api, what, parent, list),
        Route::Operation(id) => operation(api, id),
        Route::OperationResult(id) => operation_result(api, id),
        Route::Health => Ok(Reply::text("ok\n".to_owned())),
        Route::Ready => Ok(match api.engine.can_write() {
            true => Reply::text("ready\n".to_owned()),
            false => Reply { status: StatusCode::SERVICE_UNAVAILABLE, ..Reply::text("no writes\n".to_owned()) },
        }),
        Route::Metrics => Ok(Reply::text(metrics::render(api))),
        Route::OpenApi => Ok(Reply::json(api.openapi.clone())),
    }
}

fn document(api: &Api, address: &Address) -> Result<Reply, ApiError> {
    let Address { version, collection, ref key, .. } = *address;
    let world = api.engine.world();
    let renderer = Renderer { world: &world, enforcement: &api.enforcement, version };
    let found = renderer.document(collection, key).map_err(|error| internal(&error))?;
    if let Some((bytes, etag)) = found {
        return Ok(Reply::json(bytes).with_etag(etag));
    }
    match collection.identity {
        Identity::Singleton { untouched: Untouched::Defaults { reference }, .. } => {
            let bytes = renderer.untouched(collection, reference).map_err(|error| internal(&error))?;
            Ok(Reply::json(bytes))
        }
        _ => Err(not_found(key)),
    }
}

fn list(api: &Api, list: &List) -> Result<Reply, ApiError> {
    let world = api.engine.world();
    let parent = existing(&world, list.parent.as_ref())?;
    let renderer = Renderer { world: &world, enforcement: &api.enforcement, version: list.version };
    renderer.list(list.collection, parent).map(Reply::json).map_err(|error| internal(&error))
}

/// The document that a child collection belongs to has to exist.
fn existing<'p>(world: &World, parent: Option<&'p (&'static Collection, Key)>) -> Result<Option<&'p Key>, ApiError> {
    match parent {
        Some((collection, key)) if world.find(collection.name, key).is_none() => Err(not_found(key)),
        parent => Ok(parent.map(|(_, key)| key)),
    }
}

fn unserved(
    api: &Api,
    what: &Unserved,
    parent: Option<(&'static Collection, Key)>,
    list: bool,
) -> Result<Reply, ApiError> {
    existing(&api.engine.world(), parent.as_ref())?;
    match list {
        true => Ok(Reply::json(Bytes::from_static(br#"{"nextLink":""}"#))),
        false => Err(ApiError::new(Code::NotFound, format!("There is nothing in {} yet.", what.name))),
    }
}

fn unserved_write(
    method: &Method,
    what: &Unserved,
    parent: Option<(&'static Collection, Key)>,
    list: bool,
) -> Result<Reply, ApiError> {
    match *method {
        _ if list => Ok(Reply::method_not_allowed("GET, HEAD")),
        // Nothing can be there.
        Method::DELETE => Ok(Reply::new(StatusCode::NO_CONTENT, Body::None)),
        Method::PUT => {
            let of = parent.map(|(_, key)| format!(" of {key}")).unwrap_or_default();
            let message = format!("{}{of} is not served yet by this controller.", what.name);
            Err(ApiError::new(Code::OperationNotSupported, message).target(what.name))
        }
        _ => Ok(Reply::method_not_allowed("GET, HEAD, PUT, DELETE")),
    }
}

fn operation(api: &Api, id: Uuid) -> Result<Reply, ApiError> {
    match api.operations.get(id) {
        Some(_) => Ok(Reply::json(Bytes::from_static(br#"{"status":"Succeeded"}"#))),
        None => Err(unknown_operation(id)),
    }
}

fn operation_result(api: &Api, id: Uuid) -> Result<Reply, ApiError> {
    match api.operations.get(id) {
        Some(Operation::Put(collection, key, version)) => {
            document(api, &Address { version, collection, key, id: String::new() })
        }
        Some(Operation::Delete) => Ok(Reply::new(StatusCode::NO_CONTENT, Body::None)),
        None => Err(unknown_operation(id)),
    }
}

fn unknown_operation(id: Uuid) -> ApiError {
    ApiError::new(Code::NotFound, format!("No operation {id} is remembered."))
}
