//! The internet sockets that a guest may have in a network of its own, in the terms of socket(2).

/// Protocols of internet sockets that a guest may have beside the kernel's choice for their type.
pub(crate) const PROTOCOLS: [i32; 3] = [0, libc::IPPROTO_TCP, libc::IPPROTO_UDP];

/// Types of sockets that the internet families have beside streams and datagrams, or may have one day: raw ones, and those
/// of protocols that a kernel loads a module for. The other bits of the argument are flags.
pub(crate) fn foreign_types() -> impl Iterator<Item = u32> {
    let known = [libc::SOCK_STREAM, libc::SOCK_DGRAM].map(i32::unsigned_abs);
    (0..=TYPE_BITS).filter(move |kind| !known.contains(kind))
}

/// The bits of a socket's type that are no flags: `SOCK_TYPE_MASK` of the kernel.
pub(crate) const TYPE_BITS: u32 = 0xf;
