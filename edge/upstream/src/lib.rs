//! Dialects and transports of AI upstreams, remote and local.
//!
//! One way out: [`send`] takes a permit, a receipt and a prepared call by value. Nothing here decides, and nothing here may send
//! a byte without all three bearing the same decision. Redirects are never followed; a credential goes only to the origin it is bound to.

mod answer;
mod client;
mod connect;
mod dialect;
mod error;
mod eventstream;
#[cfg(feature = "local-model")]
mod in_process;
mod limits;
#[cfg(feature = "local-model")]
pub mod local;
mod paced;
mod prepared;
mod signed;
mod sse;
mod stream;
mod transcript;
mod upstream;
mod watch;

pub use answer::{Answer, AnswerBody, Whole};
pub use client::{Client, Via, send};
#[doc(no_inline)]
pub use comity_decide::Permit;
#[doc(no_inline)]
pub use comity_dialect::Usage;
#[doc(no_inline)]
pub use comity_store::Receipt;
pub use connect::{TimedConnector, Tls, TlsError};
pub use dialect::{Apis, Dialect, Endpoint};
pub use error::{Mismatch, SendError, StreamError, UpstreamStatus};
pub use limits::{ANSWER_BYTES_MAX, CONNECT, Timeouts};
pub use prepared::{Prepared, Translation, UsageFrames};
pub use signed::AwsKeys;
pub use stream::AnswerStream;
pub use transcript::Transcript;
pub use upstream::{BaseUrl, Credential, InvalidUpstream, Transport, Upstream};
pub use watch::Kept;
