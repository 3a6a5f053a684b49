//! Work that takes long, on a thread of its own: no other call of a serving thread waits for it.
//!
//! A panic there never passes unseen. Its message never reaches our log: it may quote the text that was worked on.

/// Does `work` on another thread; nothing if that panicked. `what` says in the log what failed.
pub(crate) async fn apart<T: Send + 'static>(what: &'static str, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Some(done),
        Err(error) => {
            tracing::error!(panicked = error.is_panic(), "{what}");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logged::logged;

    #[tokio::test]
    async fn a_panic_is_logged_without_its_message() {
        let (done, log) = logged(apart("the work failed", || panic!("ada@example.org"))).await;
        assert_eq!(done, None::<()>);
        assert!(log.contains("ERROR") && log.contains("the work failed panicked=true") && !log.contains("ada@"), "{log}");
    }
}
