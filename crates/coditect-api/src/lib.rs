//! The wire: what programs of other languages speak with CODITECT, as `proto/` describes it and `cargo xtask generate` writes it in Rust.
//!
//! It is generated and kept, so that who builds the program needs no compiler of `.proto` files.

pub use prost::Message;

/// Version 1 of all of it.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::restriction,
    reason = "nobody writes it by hand"
)]
pub mod v1 {
    include!("generated/coditect.v1.rs");
}

/// What the `.proto` files say, for programs that ask by reflection: a `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!("generated/descriptors.bin");
