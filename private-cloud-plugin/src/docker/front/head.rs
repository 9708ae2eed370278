//! The head of an HTTP request: what has to be known of it, and how it is passed on.

/// Requests of docker's clients have about ten.
const MOST_HEADERS: usize = 100;

/// Request line and headers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    method: String,
    target: String,
    minor: u8,
    headers: Vec<(String, Vec<u8>)>,
}

/// No HTTP/1 request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HeadError;

impl Head {
    /// Reads a head and tells its length; `None` if it is not whole yet.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, HeadError> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(length) = request.parse(bytes).map_err(|_| HeadError)? else { return Ok(None) };
        let (method, target, minor) = (request.method, request.path, request.version);
        let head = Self {
            method: method.ok_or(HeadError)?.to_owned(),
            target: target.ok_or(HeadError)?.to_owned(),
            minor: minor.ok_or(HeadError)?,
            headers: request.headers.iter().map(|header| (header.name.to_owned(), header.value.to_vec())).collect(),
        };
        Ok(Some((head, length)))
    }

    /// `POST /networks/create`, with or without a version before and a query behind.
    pub(super) fn creates_a_network(&self) -> bool {
        let path = self.target.split('?').next().unwrap_or_default();
        let versioned = |rest: &str| {
            let (version, path) = rest.split_once('/')?;
            let number = version.strip_prefix('v')?;
            let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            (digits && path == "networks/create").then_some(())
        };
        let rest = path.strip_prefix('/').unwrap_or(path);
        self.method == "POST" && (rest == "networks/create" || versioned(rest).is_some())
    }

    /// Bytes of the body, if the head tells.
    pub(super) fn content_length(&self) -> Option<usize> {
        if self.get("transfer-encoding").is_some() {
            return None;
        }
        str::from_utf8(self.get("content-length")?).ok()?.trim().parse().ok()
    }

    /// The client waits for a word before it sends the body.
    pub(super) fn expects_continue(&self) -> bool {
        self.get("expect").is_some()
    }

    /// The head for the engine. A connection that is not upgraded ends with the answer; a body that is already here has
    /// `length`, and nobody waits for it.
    pub(super) fn to_bytes(&self, length: Option<usize>) -> Vec<u8> {
        let upgrade = self.get("upgrade").is_some();
        let mut bytes = format!("{} {} HTTP/1.{}\r\n", self.method, self.target, self.minor).into_bytes();
        let mut line = |name: &str, value: &[u8]| {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        };
        for (name, value) in &self.headers {
            let replaced = match name.to_ascii_lowercase().as_str() {
                "connection" | "keep-alive" => !upgrade,
                "content-length" | "expect" => length.is_some(),
                _ => false,
            };
            if !replaced {
                line(name, value);
            }
        }
        if !upgrade {
            line("Connection", b"close");
        }
        if let Some(length) = length {
            line("Content-Length", length.to_string().as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }

    fn get(&self, name: &str) -> Option<&[u8]> {
        let found = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head(text: &str) -> Head {
        Head::parse(text.as_bytes()).unwrap().unwrap().0
    }

    fn forwarded(text: &str, length: Option<usize>) -> String {
        String::from_utf8(head(text).to_bytes(length)).unwrap()
    }

    #[test]
    fn a_request_to_create_a_network_is_known_with_and_without_version() {
        for target in ["/networks/create", "/v1.41/networks/create", "/v1.41/networks/create?x=y"] {
            assert!(head(&format!("POST {target} HTTP/1.1\r\n\r\n")).creates_a_network(), "{target}");
        }
        for line in [
            "GET /networks/create",
            "POST /networks/prune",
            "POST /v1.41/networks/create/x",
            "POST /vx/networks/create",
            "POST /containers/networks/create",
        ] {
            assert!(!head(&format!("{line} HTTP/1.1\r\n\r\n")).creates_a_network(), "{line}");
        }
    }

    #[test]
    fn a_kept_connection_is_closed_after_the_answer() {
        let text = forwarded("GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n", None);
        assert_eq!(text, "GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    }

    #[test]
    fn an_upgrade_passes_as_it_is() {
        let text = "POST /containers/a/attach HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
        assert_eq!(forwarded(text, None), text);
    }

    #[test]
    fn a_new_body_has_its_own_length_and_is_not_waited_for() {
        let text = "POST /networks/create HTTP/1.1\r\ncontent-length: 2\r\nExpect: 100-continue\r\n\r\n";
        assert!(head(text).expects_continue());
        assert_eq!(
            forwarded(text, Some(30)),
            "POST /networks/create HTTP/1.1\r\nConnection: close\r\nContent-Length: 30\r\n\r\n"
        );
    }

    #[test]
    fn the_length_of_a_chunked_body_is_not_known() {
        assert_eq!(
            head("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n").content_length(),
            None
        );
        assert_eq!(head("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n").content_length(), Some(3));
    }

    #[test]
    fn a_head_is_read_only_when_it_is_whole() {
        let text = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        for length in 0..text.len() {
            assert_eq!(Head::parse(&text.as_bytes()[..length]), Ok(None), "{length}");
        }
        assert_eq!(Head::parse(b"\x16\x03\x01 no HTTP"), Err(HeadError));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(bytes: Vec<u8>) {
            if let Ok(Some((head, length))) = Head::parse(&bytes) {
                prop_assert!(length <= bytes.len());
                prop_assert!(Head::parse(&head.to_bytes(None)).is_ok());
            }
        }
    }
}
