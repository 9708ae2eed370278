//! Wiring: from settings to a running application.
