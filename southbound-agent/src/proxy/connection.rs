//! One HTTP connection, as bytes in and bytes out.

use crate::proxy::answer::Answer;
use crate::proxy::request::{self, Broken, LONGEST_HEAD, Parsed, Request};
use std::time::{Duration, Instant};

/// How long a client may take to ask, to ask again, and to take the answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Answers a request, or what is none.
pub(super) trait Respond {
    fn respond(&mut self, request: Result<&Request, Broken>) -> Answer;
}

/// State between two segments.
#[derive(Debug)]
pub(super) struct Connection {
    received: Vec<u8>,
    outgoing: Vec<u8>,
    /// How much of `outgoing` is on its way.
    sent: usize,
    closing: bool,
    deadline: Instant,
}

impl Connection {
    pub(super) fn new(now: Instant) -> Self {
        Self { received: Vec::new(), outgoing: Vec::new(), sent: 0, closing: false, deadline: now + PATIENCE }
    }

    /// How many bytes it would take now. None while an answer is not on its way: what a client may make us remember is
    /// one answer and one head.
    pub(super) fn appetite(&self) -> usize {
        let is_idle = !self.closing && self.outgoing().is_empty();
        if is_idle { LONGEST_HEAD.saturating_sub(self.received.len()) } else { 0 }
    }

    /// Takes bytes, no more than [`Self::appetite`], and answers the request that they complete.
    pub(super) fn receive(&mut self, bytes: &[u8], now: Instant, respond: &mut impl Respond) {
        self.received.extend_from_slice(bytes);
        self.advance(now, respond);
    }

    /// Bytes that wait to be sent.
    pub(super) fn outgoing(&self) -> &[u8] {
        self.outgoing.get(self.sent..).unwrap_or_default()
    }

    /// So many of them are on their way. With the last of them, a request that waited behind is answered.
    pub(super) fn sent(&mut self, bytes: usize, now: Instant, respond: &mut impl Respond) {
        self.sent += bytes;
        if self.outgoing().is_empty() {
            (self.outgoing, self.sent) = (Vec::new(), 0);
            self.advance(now, respond);
        }
    }

    /// Nothing more will come from us.
    pub(super) fn is_done(&self) -> bool {
        self.closing && self.outgoing().is_empty()
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    fn advance(&mut self, now: Instant, respond: &mut impl Respond) {
        if self.closing || self.received.is_empty() {
            return;
        }
        match request::parse(&self.received) {
            Parsed::Partial => {}
            Parsed::Whole(request, length) => {
                self.received.drain(..length);
                // Whatever is behind a head that announces a body is no request.
                let keep_alive = request.keep_alive && !request.has_body && request.method == "GET";
                self.answer(&respond.respond(Ok(&request)), keep_alive, now);
            }
            Parsed::Broken(broken) => self.answer(&respond.respond(Err(broken)), false, now),
        }
    }

    fn answer(&mut self, answer: &Answer, keep_alive: bool, now: Instant) {
        self.outgoing = answer.write(keep_alive);
        self.closing = !keep_alive;
        self.deadline = now + PATIENCE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::answer::Status;

    /// Says 404 to every request, and remembers what was asked.
    #[derive(Default)]
    struct Asked(Vec<String>);

    impl Respond for Asked {
        fn respond(&mut self, request: Result<&Request, Broken>) -> Answer {
            self.0.push(request.map_or("broken".to_owned(), |request| request.target.clone()));
            request.map_or_else(Answer::to_broken, |_| Answer::empty(Status::NotFound))
        }
    }

    /// Feeds `text` in pieces of `step` bytes; gives what was asked and what was answered.
    fn converse(text: &str, step: usize) -> (Vec<String>, String, bool) {
        let (mut asked, mut answered) = (Asked::default(), Vec::new());
        let now = Instant::now();
        let mut connection = Connection::new(now);
        let mut rest = text.as_bytes();
        while !rest.is_empty() && !connection.is_done() {
            let (piece, after) = rest.split_at(rest.len().min(step).min(connection.appetite()));
            rest = after;
            connection.receive(piece, now, &mut asked);
            while !connection.outgoing().is_empty() {
                answered.push(connection.outgoing()[0]);
                connection.sent(1, now, &mut asked);
            }
        }
        (asked.0, String::from_utf8(answered).unwrap(), connection.is_done())
    }

    #[test]
    fn requests_are_answered_one_after_the_other_however_they_arrive() {
        let text = "GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\nConnection: close\r\n\r\n";
        for step in [1, 7, 19, 4096] {
            let (asked, answered, is_done) = converse(text, step);
            assert_eq!(asked, ["/a", "/b", "/c"]);
            assert_eq!(answered.matches("HTTP/1.1 404").count(), 3);
            assert!(is_done);
        }
    }

    #[test]
    fn what_is_no_request_is_answered_once_and_ends_the_connection() {
        for text in ["\u{1}\r\n\r\nGET /a HTTP/1.1\r\n\r\n".to_owned(), format!("GET /{}", "x".repeat(9000))] {
            let (asked, answered, is_done) = converse(&text, 4096);
            assert_eq!(asked, ["broken"]);
            assert!(answered.starts_with("HTTP/1.1 4") && is_done, "{answered}");
        }
    }

    #[test]
    fn a_body_is_never_read_as_a_request() {
        let text = "POST /a HTTP/1.1\r\nContent-Length: 19\r\n\r\nGET /b HTTP/1.1\r\n\r\n";
        let (asked, _, is_done) = converse(text, 4096);
        assert_eq!((asked.as_slice(), is_done), (&["/a".to_owned()][..], true));
    }

    #[test]
    fn a_head_that_comes_in_drops_does_not_gain_time() {
        let (start, mut asked) = (Instant::now(), Asked::default());
        let mut connection = Connection::new(start);
        connection.receive(b"GET / HT", start + PATIENCE / 2, &mut asked);
        assert_eq!(connection.deadline(), start + PATIENCE);
        connection.receive(b"TP/1.1\r\n\r\n", start + PATIENCE / 2, &mut asked);
        assert_eq!(connection.deadline(), start + PATIENCE / 2 + PATIENCE);
    }
}
