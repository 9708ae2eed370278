//! Why a test or the lab could not go on.

use std::fmt;

/// Result of everything in the harness.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every way in which the parts of a fabric disappoint.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What it said.
        source: std::io::Error,
    },
    /// A command ended with an error.
    #[error("`{command}` failed: {output}")]
    Command {
        /// The command line.
        command: String,
        /// What it wrote.
        output: String,
    },
    /// A state was not reached in time.
    #[error("gave up waiting until {what}: {last}")]
    Deadline {
        /// The state.
        what: String,
        /// What kept it from being reached, at the last look.
        last: String,
    },
    /// A server could not be asked, or its answer could not be read.
    #[error("{what}: {source}")]
    Http {
        /// Method and address.
        what: String,
        /// Cause.
        source: reqwest::Error,
    },
    /// A server answered with an error.
    #[error("{what} was refused with {status} {code}: {message}")]
    Refused {
        /// Method and path.
        what: String,
        /// HTTP status.
        status: u16,
        /// `error.code`.
        code: String,
        /// `error.message`.
        message: String,
    },
    /// What was observed is not what was claimed.
    #[error("{0}")]
    Claim(String),
}

impl Error {
    /// An operating system error and what led to it.
    pub fn io(what: impl fmt::Display) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.to_string();
        move |source| Self::Io { what, source }
    }
}

/// `Ok` if `held`; else an error that says what was claimed.
///
/// # Errors
/// [`Error::Claim`] with the text of `claim`.
pub fn claim(held: bool, claim: impl FnOnce() -> String) -> Result<()> {
    if held { Ok(()) } else { Err(Error::Claim(claim())) }
}
