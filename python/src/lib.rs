//! Python bindings of keepwell.
