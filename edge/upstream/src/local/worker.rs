//! The thread that answers chats, one after the other, from a bounded queue.
//!
//! It runs nicer than the gateway and never waits for a reader. A chat that breaks the model fails alone; the next one is answered.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::mpsc::Sender;

use super::emit::Emitter;
use super::limits;
use super::llama::{Llama, Memory};
use super::sample::Sampling;
use super::tokens::Tokens;
use super::{Event, Finish, LocalError, LocalOptions};

/// One chat, ready to compute.
pub(super) struct Job {
    pub(super) prompt: Vec<u32>,
    pub(super) completion_max: usize,
    pub(super) sampling: Sampling,
    pub(super) stop: Vec<String>,
    /// Holds every event of the answer.
    pub(super) events: Sender<Event>,
}

pub(super) struct Worker {
    jobs: SyncSender<Job>,
}

/// What the thread owns.
struct Engine {
    llama: Llama,
    tokens: Arc<Tokens>,
    ends: Vec<u32>,
}

/// Nobody waits for the answer any more.
struct Gone;

// === impl Worker ===

impl Worker {
    /// Starts the thread. `ends` are the tokens that end an answer.
    pub(super) fn start(llama: Llama, tokens: Arc<Tokens>, ends: Vec<u32>, options: LocalOptions) -> Result<Worker, LocalError> {
        let (jobs, queue) = sync_channel(options.queue);
        let threads = options.threads.clamp(1, limits::THREADS_MAX);
        let run = move || {
            be_nice();
            match pool(threads) {
                // The pool's threads inherit niceness from this one.
                Some(pool) => pool.install(move || Engine { llama: llama.in_pool(), tokens, ends }.answer_all(queue)),
                None => Engine { llama, tokens, ends }.answer_all(queue),
            }
        };
        std::thread::Builder::new().name("comity-model".to_owned()).spawn(run).map_err(LocalError::Threads)?;
        Ok(Worker { jobs })
    }

    pub(super) fn queue(&self, job: Job) -> Result<(), LocalError> {
        self.jobs.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => LocalError::Busy,
            TrySendError::Disconnected(_) => LocalError::Stopped,
        })
    }
}

// === impl Engine ===

impl Engine {
    fn answer_all(&self, queue: Receiver<Job>) {
        while let Ok(job) = queue.recv() {
            let events = job.events.clone();
            let answered = catch_unwind(AssertUnwindSafe(|| self.answer(job)));
            let last = match answered {
                Ok(Ok(done)) => done,
                Ok(Err(Gone)) => continue,
                Err(_) => Event::Failed("the model's thread panicked".to_owned()),
            };
            // A reader that left in between needs no answer.
            let _ = events.try_send(last);
        }
    }

    fn answer(&self, mut job: Job) -> Result<Event, Gone> {
        let mut memory = self.llama.memory();
        let mut state = self.read_prompt(&job, &mut memory)?;
        let mut emitter = Emitter::new(std::mem::take(&mut job.stop));
        let mut written = 0;
        let finish = loop {
            let token = job.sampling.next(&self.llama.logits(&state));
            if self.ends.contains(&token) {
                break Finish::Stop;
            }
            written += 1;
            job.send(emitter.push(self.tokens.bytes(token)))?;
            if emitter.stopped() {
                break Finish::Stop;
            }
            if written == job.completion_max {
                break Finish::Length;
            }
            state = self.llama.read(&mut memory, &[token]);
        };
        job.send(emitter.rest())?;
        Ok(Event::Done { finish, prompt_tokens: count(job.prompt.len()), completion_tokens: count(written) })
    }

    /// Reads the prompt piece by piece, so that a caller who leaves is noticed. Gives the last hidden state.
    fn read_prompt(&self, job: &Job, memory: &mut Memory) -> Result<Vec<f32>, Gone> {
        let mut state = Vec::new();
        for piece in job.prompt.chunks(limits::PREFILL_TOKENS) {
            job.wanted()?;
            state = self.llama.read(memory, piece);
        }
        Ok(state)
    }
}

// === impl Job ===

impl Job {
    /// Sends text, if there is any.
    fn send(&self, text: String) -> Result<(), Gone> {
        if text.is_empty() {
            return self.wanted();
        }
        self.events.try_send(Event::Text(text)).map_err(|_| Gone)
    }

    /// Whether anyone still waits.
    fn wanted(&self) -> Result<(), Gone> {
        if self.events.is_closed() { Err(Gone) } else { Ok(()) }
    }
}

/// A pool of its own for more than one thread; without one the model still answers, on one thread.
fn pool(threads: usize) -> Option<ThreadPool> {
    let name = |thread| format!("comity-model-{thread}");
    if threads > 1 { ThreadPoolBuilder::new().num_threads(threads).thread_name(name).build().ok() } else { None }
}

/// Lets the gateway's threads go first. Where a thread has no niceness of its own, the model competes on equal terms.
fn be_nice() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(limits::NICE) {
        tracing::warn!(%error, "the demonstration model keeps the gateway's priority");
    }
}

fn count(tokens: usize) -> u32 {
    u32::try_from(tokens).unwrap_or(u32::MAX)
}
