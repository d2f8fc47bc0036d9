//! One table per language.

pub(super) mod go;
pub(super) mod java;
pub(super) mod rust;
pub(super) mod script;
