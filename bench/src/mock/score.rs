//! An answer as a score: what happens, in order, before the head and in the body. The server plays it; nothing here decides
//! what is answered.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::seen::{Book, Fate, Guard};

/// One thing that happens.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// These bytes are sent.
    Chunk(Bytes),
    /// Nothing for this long.
    Pause(Duration),
    /// Nothing until the mock is told to release.
    Hold,
    /// Nothing, ever.
    Never,
    /// TCP reset.
    Reset,
    /// The connection is closed without the end of the answer.
    Cut,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub(crate) struct Score {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// Happens before the first byte. Chunks have no meaning here and are skipped.
    pub(crate) before: Vec<Step>,
    pub(crate) body: Vec<Step>,
    /// The length is announced (`content-length`); otherwise the body is chunked.
    pub(crate) whole: bool,
}

impl Score {
    pub(crate) fn whole(status: u16, content_type: &str, body: impl Into<Bytes>) -> Score {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Score { status, headers, before: Vec::new(), body: vec![Step::Chunk(body.into())], whole: true }
    }

    pub(crate) fn stream(content_type: &str, body: Vec<Step>) -> Score {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Score { status: 200, headers, before: Vec::new(), body, whole: false }
    }

    pub(crate) fn after(mut self, step: Step) -> Score {
        self.before.push(step);
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Score {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// The mock broke the call off on purpose.
#[derive(Debug, thiserror::Error)]
#[error("broken off on purpose")]
pub(crate) struct BrokenOff;

type Waiting = Pin<Box<dyn Future<Output = Result<(), BrokenOff>> + Send>>;

/// Plays waiting steps; shared by the head and the body of one answer.
pub(crate) struct Player {
    book: Arc<Book>,
    /// Read by the connection when it closes: true asks for a TCP reset.
    reset: Arc<AtomicBool>,
    /// The release count when the call came: a later one lets it go, however early that happens.
    released: u64,
}

impl Player {
    /// Must be made before the call is entered in the book, so that no release is missed.
    pub(crate) fn new(book: &Arc<Book>, reset: Arc<AtomicBool>) -> Player {
        Player { book: Arc::clone(book), reset, released: *book.watch_gate().borrow() }
    }

    /// Waits for a step to pass. Chunks pass at once.
    pub(crate) fn wait(&self, step: &Step) -> Waiting {
        match step {
            Step::Chunk(_) => Box::pin(std::future::ready(Ok(()))),
            Step::Pause(time) => {
                let time = *time;
                Box::pin(async move {
                    tokio::time::sleep(time).await;
                    Ok(())
                })
            }
            Step::Hold => {
                let (mut gate, before) = (self.book.watch_gate(), self.released);
                Box::pin(async move { gate.wait_for(|now| *now != before).await.map(|_| ()).map_err(|_| BrokenOff) })
            }
            Step::Never => Box::pin(std::future::pending()),
            Step::Reset | Step::Cut => {
                self.reset.store(matches!(step, Step::Reset), Ordering::Release);
                Box::pin(async {
                    // Lets the connection flush what was sent before.
                    tokio::task::yield_now().await;
                    Err(BrokenOff)
                })
            }
        }
    }
}

/// The body of an answer, played step by step.
pub(crate) struct ScoreBody {
    steps: VecDeque<Step>,
    waiting: Option<Waiting>,
    player: Player,
    guard: Guard,
    length: Option<u64>,
}

impl ScoreBody {
    pub(crate) fn new(score: Score, player: Player, guard: Guard) -> ScoreBody {
        let length = score.whole.then(|| score.body.iter().map(chunk_length).sum());
        ScoreBody { steps: score.body.into(), waiting: None, player, guard, length }
    }
}

fn chunk_length(step: &Step) -> u64 {
    match step {
        Step::Chunk(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        Step::Pause(_) | Step::Hold | Step::Never | Step::Reset | Step::Cut => 0,
    }
}

impl Body for ScoreBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        loop {
            if let Some(waiting) = self.waiting.as_mut() {
                match std::task::ready!(waiting.as_mut().poll(context)) {
                    Ok(()) => self.waiting = None,
                    Err(broken) => {
                        self.guard.settle(Fate::Faulted);
                        return Poll::Ready(Some(Err(broken)));
                    }
                }
            }
            match self.steps.pop_front() {
                None => {
                    self.guard.settle(Fate::Answered);
                    return Poll::Ready(None);
                }
                Some(Step::Chunk(bytes)) => {
                    if self.steps.is_empty() {
                        self.guard.settle(Fate::Answered);
                    }
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(step @ (Step::Pause(_) | Step::Hold | Step::Never | Step::Reset | Step::Cut)) => {
                    self.waiting = Some(self.player.wait(&step));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty() && self.waiting.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
