//! The engine in a dedicated Worker, on the other side of a JavaScript bridge.
