//! Vectors of texts, for memory to find what is meant in other words.

use std::fmt::Debug;

use crate::PortError;

/// Gives texts their vectors.
///
/// # Promises
/// - As many vectors as texts, in their order, all of one length of 1 to 16,384 numbers, each number finite.
/// - Vectors under the same name can be compared: texts that mean much the same point in much the same direction.
///
/// # May
/// Send the texts to where the person said that they may go. Cut a text that is too long.
///
/// # Must not
/// Keep anything, follow a redirect to another host, or let a key into an error or a log.
///
/// # When it fails
/// As a model does, see [`crate::Model`]. Memory goes on without vectors of texts then.
pub trait Embedder: Debug + Send + Sync {
    /// What the vectors are of. Another name means another space.
    fn name(&self) -> &str;

    /// The vectors of texts, blocking.
    fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, PortError>;
}
