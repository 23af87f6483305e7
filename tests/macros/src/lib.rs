//! Tests of the macros of `jobs`: what compiles in `tests/*.rs`, what must not in `tests/ui`.
