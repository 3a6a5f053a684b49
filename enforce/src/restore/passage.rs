//! The way of one text through the gateway: looked at first, then restored, so that values of the call are never taken for findings.
//!
//! A search that fails stops the text; it never lets it pass unseen.

use comity_redact::{Form, OutputScan, Restorer};

use super::watch::Watch;
use super::{Restoring, Unrestorable};

/// A text of an answer that comes in pieces.
pub(super) struct Passage {
    scan: Option<(OutputScan, Watch)>,
    restorer: Option<Restorer>,
    restoring: Restoring,
    form: Form,
}

/// What is asked of the scan.
#[derive(Clone, Copy)]
enum Ask<'t> {
    Push(&'t str),
    Flush,
}

// === impl Passage ===

impl Passage {
    pub(super) fn new(restoring: &Restoring, form: Form) -> Self {
        let scan = restoring.watch.as_ref().map(|watch| (watch.scan(form), watch.clone()));
        Self { scan, restorer: restoring.restorer(form), restoring: restoring.clone(), form }
    }

    /// Takes the next piece and gives out what may go on.
    pub(super) fn push(&mut self, text: &str) -> Result<String, Unrestorable> {
        let text = self.scanned(Ask::Push(text))?;
        self.restored(text)
    }

    /// Half a character comes next: no pseudonym and no finding goes on after it.
    pub(super) fn half(&mut self) -> Result<String, Unrestorable> {
        let held = self.finish()?;
        self.restorer = self.restoring.restorer(self.form);
        Ok(held)
    }

    /// The text ended: gives out what was held.
    pub(super) fn finish(&mut self) -> Result<String, Unrestorable> {
        let text = self.scanned(Ask::Flush)?;
        let mut out = self.restored(text)?;
        if let Some(restorer) = &mut self.restorer {
            out += &restorer.finish()?;
        }
        Ok(out)
    }

    fn scanned(&mut self, ask: Ask<'_>) -> Result<String, Unrestorable> {
        let Some((scan, watch)) = &mut self.scan else {
            return Ok(match ask {
                Ask::Push(text) => text.to_owned(),
                Ask::Flush => String::new(),
            });
        };
        let scanned = match ask {
            Ask::Push(text) => scan.push(text),
            Ask::Flush => scan.flush(),
        };
        watch.note(scan.take_found());
        Ok(scanned?)
    }

    fn restored(&mut self, text: String) -> Result<String, Unrestorable> {
        match &mut self.restorer {
            Some(restorer) => Ok(restorer.push(&text)?),
            None => Ok(text),
        }
    }
}
