//! What no honest answer comes near: bounds against upstreams that are broken or hostile.
//!
//! The length of an answer is bounded elsewhere, in bytes; here is what costs more than its bytes.

use crate::error::BadAnswer;

/// The most parts of an answer. Every part costs a frame or two in the caller's dialect and a few hundred bytes of state while it is open,
/// many times what an empty one costs the upstream. The longest answers of models have some hundred parts.
pub(crate) const PARTS_MAX: usize = 10_000;

/// Whether an answer may have so many parts.
pub(crate) const fn parts(count: usize) -> Result<(), BadAnswer> {
    if count > PARTS_MAX { Err(BadAnswer("the answer has more than 10000 parts")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_the_bound() {
        assert!(parts(PARTS_MAX).is_ok());
        assert!(parts(PARTS_MAX + 1).unwrap_err().to_string().contains(&PARTS_MAX.to_string()));
    }
}
