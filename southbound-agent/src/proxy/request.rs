//! Requests as guests write them: HTTP/1.0 and 1.1, parsed from bytes.

use httparse::{EMPTY_HEADER, Header, Status};

/// Longest request line with all header lines.
pub(super) const LONGEST_HEAD: usize = 4096;

/// Most header lines.
const MOST_HEADERS: usize = 32;

/// The head of a request, which is all that a request for a document has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    /// The client wants to ask again on the same connection.
    pub(super) keep_alive: bool,
    /// There are bytes behind the head, which nobody reads.
    pub(super) has_body: bool,
}

/// What the bytes received so far are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// The beginning of a request.
    Partial,
    /// A request, and how many bytes it takes.
    Whole(Request, usize),
    /// No request, and never will be.
    Broken(Broken),
}

/// Why bytes are no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    Malformed,
    TooLong,
}

/// Reads the request that `bytes` begin with.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let mut headers = [EMPTY_HEADER; MOST_HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let length = match head.parse(bytes) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) if bytes.len() >= LONGEST_HEAD => return Parsed::Broken(Broken::TooLong),
        Ok(Status::Partial) => return Parsed::Partial,
        Err(httparse::Error::TooManyHeaders) => return Parsed::Broken(Broken::TooLong),
        Err(_) => return Parsed::Broken(Broken::Malformed),
    };
    let (Some(method), Some(target), Some(version)) = (head.method, head.path, head.version) else {
        return Parsed::Broken(Broken::Malformed);
    };
    let says = |name: &str, token: &str| values(head.headers, name).any(|value| value.eq_ignore_ascii_case(token));
    let keep_alive = match version {
        0 => says("connection", "keep-alive"),
        _ => !says("connection", "close"),
    };
    let has_length = values(head.headers, "content-length").any(|length| length != "0");
    let has_body = has_length || values(head.headers, "transfer-encoding").next().is_some();
    Parsed::Whole(Request { method: method.to_owned(), target: origin_form(target), keep_alive, has_body }, length)
}

/// The tokens of all header lines with this name.
fn values<'a>(headers: &'a [Header<'a>], name: &'a str) -> impl Iterator<Item = &'a str> {
    let named = headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
    named.filter_map(|header| std::str::from_utf8(header.value).ok()).flat_map(|value| value.split(',')).map(str::trim)
}

/// A server must take the absolute form too. [RFC 9112 section 3.2.2]
fn origin_form(target: &str) -> String {
    let rest = target.split_once("://").map_or(target, |(_, rest)| rest.find('/').map_or("/", |slash| &rest[slash..]));
    rest.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(text: &str) -> Request {
        match parse(text.as_bytes()) {
            Parsed::Whole(request, length) if length == text.len() => request,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn connections_are_kept_as_each_version_says() {
        for (text, keep_alive) in [
            ("GET / HTTP/1.1\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nConnection: foo, Close\r\n\r\n", false),
            ("GET / HTTP/1.0\r\n\r\n", false),
            ("GET / HTTP/1.0\r\nCONNECTION: Keep-Alive\r\n\r\n", true),
        ] {
            assert_eq!(request(text).keep_alive, keep_alive, "{text}");
        }
    }

    #[test]
    fn both_forms_of_the_target_are_read() {
        for (text, target) in [
            ("GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", "/a?b=c"),
            ("GET http://169.254.169.254:6642/a HTTP/1.1\r\n\r\n", "/a"),
            ("GET http://169.254.169.254 HTTP/1.1\r\n\r\n", "/"),
        ] {
            assert_eq!(request(text).target, target);
        }
    }

    #[test]
    fn a_body_is_noticed() {
        assert!(request("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n").has_body);
        assert!(request("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n").has_body);
        assert!(!request("GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n").has_body);
    }

    #[test]
    fn heads_that_are_too_long_are_told_from_those_that_are_wrong() {
        let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(LONGEST_HEAD));
        assert_eq!(parse(long.as_bytes()), Parsed::Broken(Broken::TooLong));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(MOST_HEADERS + 1));
        assert_eq!(parse(many.as_bytes()), Parsed::Broken(Broken::TooLong));
        for text in ["\u{1}\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\n: x\r\n\r\n"] {
            assert_eq!(parse(text.as_bytes()), Parsed::Broken(Broken::Malformed), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Parsed::Whole(_, length) = parse(&bytes) {
                prop_assert!(length <= bytes.len());
            }
        }

        #[test]
        fn a_request_cut_short_is_the_beginning_of_one(cut in 0..60_usize) {
            let text = "GET /ListNetwork HTTP/1.1\r\nHost: 169.254.169.254:6642\r\n\r\n";
            let cut = cut.min(text.len() - 1);
            prop_assert_eq!(parse(&text.as_bytes()[..cut]), Parsed::Partial);
        }
    }
}
