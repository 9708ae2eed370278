//! The way through the front, with a stand-in for the engine that hears and says what a test wants.

use super::*;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::BufReader;

struct Bench {
    directory: TempDir,
    engine: UnixListener,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let engine = UnixListener::bind(directory.path().join("engine.sock")).unwrap();
        let drivers = BTreeSet::from([Kind::L2Bridge]);
        let front = Front::listen(&directory.path().join("front.sock"), directory.path().join("engine.sock"), drivers);
        tokio::spawn(front.unwrap().run());
        Self { directory, engine }
    }

    async fn client(&self) -> UnixStream {
        UnixStream::connect(self.directory.path().join("front.sock")).await.unwrap()
    }

    async fn accept(&self) -> BufReader<UnixStream> {
        BufReader::new(self.engine.accept().await.unwrap().0)
    }
}

/// Reads up to and including an empty line.
async fn head(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        text.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(text).unwrap()
}

async fn rest(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn a_network_of_ours_is_created_with_our_ipam_driver() {
    let bench = Bench::new();
    let mut client = bench.client().await;
    let body = json!({ "Name": "n", "Driver": "l2bridge", "IPAM": { "Driver": "default", "Config": [] } }).to_string();
    let request =
        format!("POST /v1.41/networks/create HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    // In two pieces, as a stream may bring it.
    let (one, two) = request.as_bytes().split_at(request.len() - 20);
    client.write_all(one).await.unwrap();
    client.flush().await.unwrap();
    client.write_all(two).await.unwrap();
    let mut engine = bench.accept().await;
    let heard = head(&mut engine).await;
    let length = heard.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap().parse().unwrap();
    assert!(heard.contains("Connection: close"), "{heard}");
    let mut body = vec![0; length];
    engine.read_exact(&mut body).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["IPAM"], json!({ "Driver": "l2bridge", "Config": [] }));
    engine.write_all(b"HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n{}").await.unwrap();
    drop(engine);
    assert!(rest(&mut client).await.ends_with("\r\n\r\n{}"));
}

#[tokio::test]
async fn an_attached_terminal_goes_both_ways_until_both_have_said_all() {
    let bench = Bench::new();
    let mut client = bench.client().await;
    let request = "POST /containers/a/attach?stream=1 HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
    client.write_all(request.as_bytes()).await.unwrap();
    let mut engine = bench.accept().await;
    assert_eq!(head(&mut engine).await, request);
    engine.write_all(b"HTTP/1.1 101 UPGRADED\r\n\r\n").await.unwrap();
    head(&mut client).await;
    for word in ["one", "two"] {
        client.write_all(word.as_bytes()).await.unwrap();
        let mut heard = [0; 3];
        engine.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, word.as_bytes());
        engine.write_all(&heard).await.unwrap();
        client.read_exact(&mut heard).await.unwrap();
    }
    // `cat` in a container: it ends its output when its input has ended.
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut engine).await, "");
    engine.write_all(b"the end").await.unwrap();
    drop(engine);
    assert_eq!(rest(&mut client).await, "the end");
}

#[tokio::test]
async fn a_stream_arrives_as_it_comes() {
    let bench = Bench::new();
    let mut client = bench.client().await;
    client.write_all(b"GET /containers/a/logs?follow=1 HTTP/1.1\r\n\r\n").await.unwrap();
    let mut engine = bench.accept().await;
    assert_eq!(head(&mut engine).await, "GET /containers/a/logs?follow=1 HTTP/1.1\r\nConnection: close\r\n\r\n");
    for line in ["1\n", "2\n"] {
        engine.write_all(line.as_bytes()).await.unwrap();
        let mut heard = [0; 2];
        client.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, line.as_bytes(), "before the engine says more");
    }
    // A client that goes away is noticed by the engine.
    drop(client);
    assert_eq!(rest(&mut engine).await, "");
}

#[tokio::test]
async fn an_engine_that_does_not_run_is_named_in_dockers_words() {
    let bench = Bench::new();
    let Bench { directory, engine } = bench;
    drop(engine);
    let mut client = UnixStream::connect(directory.path().join("front.sock")).await.unwrap();
    client.write_all(b"GET /_ping HTTP/1.1\r\n\r\n").await.unwrap();
    let answer = rest(&mut client).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    let body: Value = serde_json::from_str(body).unwrap();
    assert!(body["message"].as_str().unwrap().contains("engine.sock cannot be reached"), "{body}");
}

#[tokio::test]
async fn what_is_no_request_or_has_no_length_is_refused() {
    let bench = Bench::new();
    for (request, status) in [
        ("\x16\x03\x01\r\n\r\n".to_owned(), "400"),
        (format!("GET / HTTP/1.1\r\nX: {}\r\n", "x".repeat(LONGEST_HEAD)), "400"),
        ("POST /networks/create HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(), "411"),
        (format!("POST /networks/create HTTP/1.1\r\nContent-Length: {}\r\n\r\n", LONGEST_BODY + 1), "411"),
    ] {
        let mut client = bench.client().await;
        // The client goes on sending, whatever is said meanwhile.
        client.write_all(format!("{request}{}", "x".repeat(1 << 20)).as_bytes()).await.unwrap();
        let answer = head(&mut client).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{answer}");
    }
}

#[test]
fn the_group_is_found_by_its_whole_name() {
    assert_eq!(docker_group("root:x:0:\ndockers:x:7:\ndocker:x:998:ann,bob\n"), Some(998));
    assert_eq!(docker_group("root:x:0:\n"), None);
}
