//! Bounds the time between the pieces of an answer, and of the whole. A dead upstream must never hold a caller for ever.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::time::{Instant, Sleep};

use crate::error::StreamError;

/// A stream under an idle and a total bound. Dropping it drops the source, which cancels the upstream call.
pub(crate) struct Paced<S> {
    source: S,
    /// When the last piece came; nothing before the first: then only the total counts.
    last: Option<Instant>,
    idle: Duration,
    total: Duration,
    deadline: Instant,
    timer: Pin<Box<Sleep>>,
}

impl<S> Paced<S> {
    /// `begun` is when the call was sent.
    pub(crate) fn new(source: S, begun: Instant, (idle, total): (Duration, Duration)) -> Self {
        let deadline = begun + total;
        Self { source, last: None, idle, total, deadline, timer: Box::pin(tokio::time::sleep_until(deadline)) }
    }

    /// Ready when time ran out. The timer is moved only when it fires, not with every piece.
    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<StreamError> {
        loop {
            let due = self.last.map_or(self.deadline, |last| self.deadline.min(last + self.idle));
            if self.timer.deadline() > due {
                self.timer.as_mut().reset(due);
            }
            ready!(self.timer.as_mut().poll(context));
            let now = Instant::now();
            if now >= self.deadline {
                return Poll::Ready(StreamError::Total(self.total.as_millis()));
            }
            if now >= due {
                return Poll::Ready(StreamError::Idle(self.idle.as_millis()));
            }
            self.timer.as_mut().reset(due);
        }
    }
}

impl<S: Stream<Item = Result<Bytes, StreamError>> + Unpin> Stream for Paced<S> {
    type Item = Result<Bytes, StreamError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Poll::Ready(item) = Pin::new(&mut this.source).poll_next(context) {
            this.last = Some(Instant::now());
            return Poll::Ready(item);
        }
        this.poll_timer(context).map(|error| Some(Err(error)))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use futures_util::stream;

    use super::*;

    const IDLE: Duration = Duration::from_secs(2);
    const TOTAL: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn idle_counts_from_the_last_piece() {
        let source = stream::iter([Ok(Bytes::from_static(b"a"))]).chain(stream::pending());
        let mut paced = Paced::new(source, Instant::now(), (IDLE, TOTAL));
        assert_eq!(paced.next().await, Some(Ok(Bytes::from_static(b"a"))));
        assert_eq!(paced.next().await, Some(Err(StreamError::Idle(2000))));
    }

    #[tokio::test(start_paused = true)]
    async fn before_the_first_piece_only_the_total_counts() {
        let begun = Instant::now();
        let mut paced = Paced::new(stream::pending(), begun, (IDLE, TOTAL));
        assert_eq!(paced.next().await, Some(Err(StreamError::Total(5000))));
        assert_eq!(begun.elapsed().as_secs(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn steady_pieces_end_at_the_total() {
        let begun = Instant::now();
        let source = Box::pin(stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(900)).await;
            Some((Ok(Bytes::from_static(b"a")), ()))
        }));
        let items: Vec<_> = Paced::new(source, begun, (IDLE, TOTAL)).take(6).collect().await;
        assert_eq!(items.iter().filter(|item| item.is_ok()).count(), 5);
        assert_eq!(items.last(), Some(&Err(StreamError::Total(5000))));
    }
}
