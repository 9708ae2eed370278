//! Operations and repeated requests. Contract section 5 and 1.1.

use crate::server::Server;
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn every_write_points_to_a_finished_operation_on_the_name_the_client_used() {
    let server = Server::with_fabric().await;
    let host = [("host", "nc.example:8443")];
    let put = server.put_with("accessControlLists/new", json!({}), &host).await;
    let id = put.header("x-ms-request-id").unwrap().to_owned();
    let uri = format!("http://nc.example:8443/networking/V1/operations/{id}");
    assert_eq!(put.header("azure-asyncoperation"), Some(uri.as_str()));
    let operation = server.send(Method::GET, &format!("/networking/V1/operations/{id}"), &[], "").await;
    assert_eq!(operation.expect(StatusCode::OK), json!({"status": "Succeeded"}));
    let result = server.get(&format!("operationResults/{id}")).await;
    assert_eq!(result.text, put.text);

    let delete = server.delete("accessControlLists/new").await;
    assert_eq!((delete.status, delete.text.as_str()), (StatusCode::OK, ""));
    let id = delete.header("x-ms-request-id").unwrap();
    let operation = server.get(&format!("operations/{id}")).await;
    assert_eq!(operation.expect(StatusCode::OK), json!({"status": "Succeeded"}));
    assert_eq!(server.get(&format!("operationResults/{id}")).await.status, StatusCode::NO_CONTENT);

    let unknown = "operations/00000000-0000-4000-8000-000000000000";
    server.get(unknown).await.refused(404, "NotFound");
    server.get("operations/nonsense").await.refused(404, "NotFound");
}

#[tokio::test]
async fn two_writes_with_one_client_request_id_are_one() {
    let server = Server::with_fabric().await;
    let id = [("x-ms-client-request-id", "6f1c")];
    let first = server.put_with("accessControlLists/new", json!({}), &id).await;
    assert_eq!(first.status, StatusCode::CREATED);
    let second = server.put_with("accessControlLists/new", json!({}), &id).await;
    assert_eq!(second.status, StatusCode::CREATED);
    assert_eq!(second.text, first.text);
    assert_eq!(second.header("azure-asyncoperation"), first.header("azure-asyncoperation"));
    // Another method or path is another request, and so is one without an id.
    let path = "/networking/v1/accessControlLists/new";
    assert_eq!(server.send(Method::DELETE, path, &id, "").await.status, StatusCode::OK);
    assert_eq!(server.send(Method::DELETE, path, &id, "").await.status, StatusCode::OK);
    assert_eq!(server.send(Method::DELETE, path, &[], "").await.status, StatusCode::NO_CONTENT);
}
