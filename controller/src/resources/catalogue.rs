//! Collections of the API that are not served yet: they answer as empty.
