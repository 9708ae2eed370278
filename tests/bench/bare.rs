//! The baselines: an actix-web endpoint that only sends bytes, and a SQLite commit that only commits.

use actix_web::http::header::{CONTENT_TYPE, ETAG};
use actix_web::{App, HttpResponse, HttpServer, web};
use sqlx::{ConnectOptions, Connection};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// Serves `body` at every path until the process ends; prints where it listens on one line.
#[expect(clippy::print_stdout, reason = "the parent waits for this line")]
pub(crate) async fn serve(body: Vec<u8>) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("bare endpoint listens on {}", listener.local_addr()?);
    let body = web::Bytes::from(body);
    HttpServer::new(move || {
        let body = body.clone();
        App::new().default_service(web::to(move || {
            let body = body.clone();
            async move {
                HttpResponse::Ok()
                    .insert_header((CONTENT_TYPE, "application/json; charset=utf-8"))
                    .insert_header((ETAG, "W/\"00000000-0000-0000-0000-000000000000\""))
                    .body(body)
            }
        }))
    })
    .listen(listener)?
    .run()
    .await
}

/// Times of `count` transactions that each insert one row of `bytes` bytes, durable on their own.
pub(crate) async fn sqlite_commits(directory: &Path, count: usize, bytes: usize) -> Result<Vec<Duration>, sqlx::Error> {
    let file = directory.join("bare.db");
    let mut connection = sqlx::sqlite::SqliteConnectOptions::from_str(&format!("sqlite://{}", file.display()))?
        .create_if_missing(true)
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
        .synchronous(sqlx::sqlite::SqliteSynchronous::Full)
        .connect()
        .await?;
    sqlx::query("CREATE TABLE row (id INTEGER PRIMARY KEY, body TEXT)").execute(&mut connection).await?;
    let body = "x".repeat(bytes);
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let started = Instant::now();
        let mut transaction = connection.begin().await?;
        sqlx::query("INSERT INTO row (body) VALUES (?1)").bind(&body).execute(&mut *transaction).await?;
        transaction.commit().await?;
        times.push(started.elapsed());
    }
    connection.close().await?;
    Ok(times)
}

/// Address at the end of a line that says where something listens.
pub(crate) fn listens_on(line: &str) -> Option<SocketAddr> {
    line.trim().rsplit([' ', '/']).find_map(|word| word.parse().ok())
}
