//! PUT and DELETE of one document.

use super::error::internal;
use super::headers::{
    ASYNC_OPERATION, CLIENT_REQUEST_ID, Common, ENFORCED, GENERATION, PREFERENCE_APPLIED, REQUEST_ID, absolute,
    condition, preferred_wait,
};
use super::operations::Operation;
use super::reply::{Body, Reply, status_of};
use super::retries::Identity;
use super::{Api, body};
use crate::engine::render::Renderer;
use crate::engine::write::{Action, Address, Done, Effect, Write};
use crate::error::ApiError;
use crate::resources::schema::Writes;
use actix_web::http::Method;
use actix_web::http::header::HeaderValue;
use actix_web::{HttpRequest, web};
use policy::ids::Generation;

/// Answers a request that is no GET for one document.
pub(super) async fn document(
    api: &Api,
    request: &HttpRequest,
    payload: &mut web::Payload,
    address: Address,
    common: &Common,
) -> Result<Reply, ApiError> {
    let offered = address.collection.writes;
    let action = match *request.method() {
        Method::PUT if offered != Writes::Nothing => {
            let bytes = body::read(request.headers(), payload, api.body_limit).await?;
            Action::Put(body::parse(&bytes)?)
        }
        Method::DELETE if offered == Writes::PutAndDelete => Action::Delete,
        _ => return Ok(Reply::method_not_allowed(offered.allow())),
    };
    let write = Write { address, action, condition: condition(request.headers()) };
    let perform = async { self::perform(api, request, write, common).await.unwrap_or_else(Reply::from) };
    match request.headers().get(CLIENT_REQUEST_ID) {
        None => Ok(perform.await),
        Some(id) => {
            let identity = Identity {
                client_request_id: id.as_bytes().to_owned(),
                method: request.method().to_string(),
                path: request.uri().path().to_lowercase(),
            };
            Ok(api.retries.once(identity, perform).await)
        }
    }
}

async fn perform(api: &Api, request: &HttpRequest, write: Write, common: &Common) -> Result<Reply, ApiError> {
    let address = write.address.clone();
    let Done { effect, generation, world } = api.engine.write(write).await?;
    let mut reply = Reply::new(status_of(effect), Body::None).with(GENERATION, HeaderValue::from(generation));
    if effect != Effect::Absent {
        let operation = match effect {
            Effect::Deleted => Operation::Delete,
            _ => Operation::Put(address.collection, address.key.clone(), address.version),
        };
        api.operations.record(common.request_id, operation);
        let uri = absolute(request, &format!("/networking/V1/operations/{}", common.request_id));
        reply.headers.extend(uri.map(|uri| (ASYNC_OPERATION, uri)));
        // Part of the answer itself, so that a repetition of the request is told the same operation.
        let id = HeaderValue::from_str(&common.request_id.to_string());
        reply.headers.extend(id.ok().map(|id| (REQUEST_ID, id)));
    }
    if let Some(wait) = preferred_wait(request.headers()) {
        let enforced = api.enforcement.wait(Generation(generation), wait).await;
        let applied = HeaderValue::from_str(&format!("wait={}", wait.as_secs()));
        reply.headers.extend(applied.ok().map(|applied| (PREFERENCE_APPLIED, applied)));
        reply.headers.push((ENFORCED, HeaderValue::from_static(enforced.as_str())));
    }
    let renderer = Renderer { world: &world, enforcement: &api.enforcement, version: address.version };
    if let Some((bytes, etag)) =
        renderer.document(address.collection, &address.key).map_err(|error| internal(&error))?
    {
        reply.body = Body::Json(bytes);
        reply.etag = Some(etag);
    }
    Ok(reply)
}
