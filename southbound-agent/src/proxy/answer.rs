//! What a request is answered with. Pure.

use crate::proxy::documents::{self, Listing};
use crate::proxy::request::{Broken, Request};
use crate::proxy::routes::{Document, Routes};
use std::fmt::Write as _;

/// An answer, before it is bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: Status,
    body: String,
    content_type: Option<&'static str>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    BadRequest,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    TooManyRequests,
    HeadTooLong,
}

impl Status {
    fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::BadRequest => "400 Bad Request",
            Self::Forbidden => "403 Forbidden",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::TooManyRequests => "429 Too Many Requests",
            Self::HeadTooLong => "431 Request Header Fields Too Large",
        }
    }
}

impl Answer {
    /// Answer to a request of the network interface that the first of `listings` is of; none when nothing is in force for
    /// it.
    pub(super) fn to(request: &Request, routes: &Routes, listings: &[Listing]) -> Self {
        if request.method != "GET" {
            return Self::empty(Status::MethodNotAllowed);
        }
        if request.has_body {
            return Self::empty(Status::BadRequest);
        }
        let Some(document) = routes.find(&request.target) else { return Self::empty(Status::NotFound) };
        let Some(own) = listings.first() else { return Self::empty(Status::Forbidden) };
        let (body, content_type) = match document {
            Document::List => (documents::list_network(own), "application/json"),
            Document::Xml => (documents::interfaces_xml(listings), "text/xml"),
            Document::Json => (documents::interfaces_json(listings), "application/json"),
        };
        Self { status: Status::Ok, body, content_type: Some(content_type) }
    }

    /// Answer to what is no request.
    pub(super) fn to_broken(broken: Broken) -> Self {
        Self::empty(match broken {
            Broken::Malformed => Status::BadRequest,
            Broken::TooLong => Status::HeadTooLong,
        })
    }

    /// An answer that says nothing but its status.
    pub(super) fn empty(status: Status) -> Self {
        Self { status, body: String::new(), content_type: None }
    }

    /// Bytes of the document.
    pub(super) fn length(&self) -> u64 {
        self.body.len() as u64
    }

    /// The bytes on the wire.
    pub(super) fn write(&self, keep_alive: bool) -> Vec<u8> {
        let Self { status, body, content_type } = self;
        let mut text = format!("HTTP/1.1 {}\r\nContent-Length: {}\r\n", status.line(), body.len());
        if let Some(content_type) = content_type {
            // Writing to a string cannot fail.
            _ = write!(text, "Content-Type: {content_type}\r\n");
        }
        if *status == Status::MethodNotAllowed {
            text += "Allow: GET\r\n";
        }
        let connection = if keep_alive { "keep-alive" } else { "close" };
        _ = write!(text, "Connection: {connection}\r\n\r\n{body}");
        text.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::net::MacAddr;

    fn listing() -> Listing {
        Listing { mac: MacAddr::from_u64(1), is_primary: true, dns_servers: Vec::new(), addresses: Vec::new() }
    }

    fn request(method: &str, target: &str) -> Request {
        Request { method: method.to_owned(), target: target.to_owned(), keep_alive: true, has_body: false }
    }

    #[test]
    fn each_request_gets_the_status_it_deserves() {
        let (routes, listing) = (Routes::default(), [listing()]);
        let with_body = Request { has_body: true, ..request("GET", "/ListNetwork") };
        for (request, listings, status) in [
            (request("GET", "/ListNetwork"), &listing[..], Status::Ok),
            (request("GET", "/ListNetwork"), &[], Status::Forbidden),
            (request("GET", "/"), &listing[..], Status::NotFound),
            (request("GET", "/metadata/instance"), &[], Status::NotFound),
            (request("HEAD", "/ListNetwork"), &listing[..], Status::MethodNotAllowed),
            (request("POST", "/ListNetwork"), &listing[..], Status::MethodNotAllowed),
            (request("get", "/ListNetwork"), &listing[..], Status::MethodNotAllowed),
            (with_body, &listing[..], Status::BadRequest),
        ] {
            let answer = Answer::to(&request, &routes, listings);
            assert_eq!(answer.status, status, "{request:?}");
            assert_eq!(answer.body.is_empty(), status != Status::Ok);
        }
    }

    #[test]
    fn the_bytes_are_an_http_message_with_its_length() {
        let (routes, listing) = (Routes::default(), [listing()]);
        let list = Answer::to(&request("GET", "/ListNetwork"), &routes, &listing).write(true);
        let expected = "HTTP/1.1 200 OK\r\nContent-Length: 29\r\nContent-Type: application/json\r\n\
                        Connection: keep-alive\r\n\r\n{\"Isolation\":\"VSID\",\"IPs\":[]}";
        assert_eq!(String::from_utf8(list).unwrap(), expected);
        let refused = Answer::empty(Status::MethodNotAllowed).write(false);
        let expected =
            "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\nAllow: GET\r\nConnection: close\r\n\r\n";
        assert_eq!(String::from_utf8(refused).unwrap(), expected);
    }
}
