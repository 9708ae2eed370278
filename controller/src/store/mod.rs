//! The only SQL: what is on disk, and one transaction for each batch of writes.

mod batch;
mod load;
mod rows;
mod secrets;

pub use batch::Batch;
use batch::Rows;
pub use load::Stored;

use policy::ids::Epoch;
use secrets::Cipher;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// One connection to the database, for the one task that writes.
#[derive(Debug)]
pub struct Store {
    connection: SqliteConnection,
    options: SqliteConnectOptions,
    cipher: Cipher,
}

/// Why the store did not do what it was asked for. Nothing of a failed batch is kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A key of the database forbids it: a name is taken, or something that is referred to would go.
    #[error("a database constraint forbids the write")]
    Conflict(#[source] sqlx::Error),
    /// The disk is full, cannot be written, or the database is locked by someone else.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// Migrations do not fit the database.
    #[error("the database cannot be migrated")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A row does not say what it should.
    #[error("the database holds {0}")]
    Corrupt(String),
    /// The key beside the database cannot be read or made.
    #[error("the key file {path} cannot be used")]
    KeyFile {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A document cannot be serialised: a defect of ours.
    #[error("a document cannot be serialised")]
    Json(#[from] serde_json::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::error::ErrorKind::{ForeignKeyViolation, UniqueViolation};
        match error.as_database_error().map(sqlx::error::DatabaseError::kind) {
            Some(UniqueViolation | ForeignKeyViolation) => Self::Conflict(error),
            _ => Self::Unavailable(error),
        }
    }
}

impl Store {
    /// Opens the database at a URL such as `sqlite://var/controller.db`, makes it when it is missing, and migrates it.
    ///
    /// # Errors
    /// The file or its key cannot be used, or another version of the controller made it.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Acknowledged means on disk.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(2))
            .disable_statement_logging();
        let file = options.get_filename().to_owned();
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| StoreError::Unavailable(error.into()))?;
        }
        let mut connection = SqliteConnection::connect_with(&options).await?;
        MIGRATIONS.run(&mut connection).await?;
        let new = Epoch(uuid::Uuid::new_v4());
        sqlx::query("INSERT INTO controller (id, epoch, generation) VALUES (1, ?, 0) ON CONFLICT (id) DO NOTHING")
            .bind(new.to_string())
            .execute(&mut connection)
            .await?;
        Ok(Self { connection, options, cipher: Cipher::beside(&file)? })
    }

    /// Starts afresh after an error that may have left the connection unusable.
    ///
    /// # Errors
    /// The database is still not available.
    pub async fn reconnect(&mut self) -> Result<(), StoreError> {
        self.connection = SqliteConnection::connect_with(&self.options).await?;
        Ok(())
    }

    /// Revision of the last batch that was kept.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn generation(&mut self) -> Result<u64, StoreError> {
        let generation: i64 =
            sqlx::query_scalar("SELECT generation FROM controller").fetch_one(&mut self.connection).await?;
        Ok(generation.try_into().unwrap_or_default())
    }

    /// Everything that is stored.
    ///
    /// # Errors
    /// The database cannot be read, or says something that cannot be.
    pub async fn load(&mut self) -> Result<Stored, StoreError> {
        load::load(&mut self.connection, &self.cipher).await
    }

    /// Keeps a batch, whole or not at all. When this returns, it is on disk.
    ///
    /// # Errors
    /// Nothing was kept.
    pub async fn save(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let rows = Rows::new(batch, &self.cipher)?;
        let outcome = rows.script().run(&mut self.connection).await;
        if outcome.is_err() {
            // Some failures have ended the transaction already; then there is nothing to roll back.
            let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
        }
        Ok(outcome?)
    }

    /// Closes the database, which folds the write-ahead log into it.
    ///
    /// # Errors
    /// The last pages could not be written; the log still has them.
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.connection.close().await?)
    }
}

/// File that holds the key of the secrets in `database`.
fn key_file(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".key");
    name.into()
}
