//! The CNI plugins as runtimes call them: the conformance cases of the specification against the real program, and an
//! unmodified runtime.

mod addresses;
mod attachments;
mod errors;
mod modes;
mod runtime;
mod site;
mod upkeep;
