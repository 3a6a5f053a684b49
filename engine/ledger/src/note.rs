//! Signed notes (C2SP signed-note): a text, an empty line, and lines of signatures.
//!
//! A text means nothing until [`Note::verify`] has found a signature of a known key. Lines of unknown keys are carried along byte for byte and
//! never judged; one false signature under the name and id of a known key spoils the whole note.

use std::fmt;
use std::str::FromStr;

use crate::cosignature::{self, PosixSeconds};
use crate::key::{KeyKind, VerifierKey, is_key_name};
use crate::limits::{NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX};
use crate::line;

/// A text and the lines that sign it; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    lines: Vec<SignatureLine>,
}

/// One signature: who claims to have signed, and the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureLine {
    name: String,
    id: [u8; 4],
    signature: Vec<u8>,
}

/// A signature that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified<'a> {
    /// Whose it is.
    pub key: &'a VerifierKey,
    /// When it was made: cosignatures only.
    pub time: Option<PosixSeconds>,
}

/// A text that is not a note, or one that cannot be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Larger than any note needs to be.
    #[error("the note has {0} bytes, at most {NOTE_BYTES_MAX} are read")]
    TooLong(usize),
    /// More signatures than any note needs.
    #[error("the note has more than {NOTE_SIGNATURES_MAX} signatures")]
    TooManySignatures,
    /// A byte that notes may not hold.
    #[error("the note contains the control character 0x{0:02x}")]
    ControlCharacter(u8),
    /// Not UTF-8.
    #[error("the note is not UTF-8")]
    NotUtf8,
    /// No empty line between text and signatures, or nothing after it.
    #[error("the note has no signatures: a text, an empty line and lines that begin with `— ` are expected")]
    NoSignatures,
    /// A text must end with a newline.
    #[error("the text of a note must end with a newline")]
    Unterminated,
    /// A line after the empty line that is not a signature.
    #[error("signature line {0} does not read `— name base64`")]
    Line(usize),
    /// A signature under the name and id of a known key that is not its signature.
    #[error("the signature of `{0}` does not hold")]
    False(String),
    /// Signed by strangers only.
    #[error("the note bears no signature of a known key; it bears those of {0}")]
    Unknown(String),
}

// === impl Note ===

impl Note {
    /// A note from its text (which ends with a newline) and its first signature.
    ///
    /// # Errors
    /// [`NoteError`] when the text cannot be that of a note.
    pub fn new(text: &str, line: SignatureLine) -> Result<Self, NoteError> {
        check_characters(text)?;
        if !text.ends_with('\n') {
            return Err(NoteError::Unterminated);
        }
        Self { text: text.to_owned(), lines: Vec::new() }.with(line)
    }

    /// The same note with one more signature, after the others. A line that is there already is not added twice.
    ///
    /// # Errors
    /// [`NoteError::TooManySignatures`] or [`NoteError::TooLong`].
    pub fn with(mut self, line: SignatureLine) -> Result<Self, NoteError> {
        if !self.lines.contains(&line) {
            self.lines.push(line);
        }
        if self.lines.len() > NOTE_SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        let length = self.to_string().len();
        if length > NOTE_BYTES_MAX { Err(NoteError::TooLong(length)) } else { Ok(self) }
    }

    /// A note from its bytes.
    ///
    /// # Errors
    /// [`NoteError`] for anything that is not exactly a note.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong(bytes.len()));
        }
        std::str::from_utf8(bytes).map_err(|_| NoteError::NotUtf8)?.parse()
    }

    /// The signed text, with its last newline.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All signatures, known or not, in their order.
    #[must_use]
    pub fn lines(&self) -> &[SignatureLine] {
        &self.lines
    }

    /// Checks every signature that claims to be of one of `keys`; gives those that hold, in the order of the lines.
    ///
    /// # Errors
    /// [`NoteError::False`] when one of them does not hold; [`NoteError::Unknown`] when there is none.
    pub fn verify<'a>(&self, keys: &[&'a VerifierKey]) -> Result<Vec<Verified<'a>>, NoteError> {
        let mut verified = Vec::new();
        for line in &self.lines {
            for key in keys.iter().copied().filter(|key| line.claims(key)) {
                verified.push(line.verify(&self.text, key).ok_or_else(|| NoteError::False(line.name.clone()))?);
            }
        }
        if verified.is_empty() { Err(NoteError::Unknown(names(&self.lines))) } else { Ok(verified) }
    }
}

/// The note, byte for byte as it was read.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.lines.iter().try_for_each(|line| line.fmt(f))
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong(note.len()));
        }
        check_characters(note)?;
        // The last empty line: the text may hold empty lines, signatures cannot.
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::NoSignatures)?;
        Ok(Self { text: format!("{text}\n"), lines: signature_lines(lines)? })
    }
}

/// The signature lines of `text`, which is nothing but such lines (a note's end, or a witness's answer); at least one.
///
/// # Errors
/// [`NoteError`] for a line that is not a signature, for none, or for too many.
pub fn signature_lines(text: &str) -> Result<Vec<SignatureLine>, NoteError> {
    let Some(body) = text.strip_suffix('\n') else {
        return Err(if text.is_empty() { NoteError::NoSignatures } else { NoteError::Line(text.lines().count()) });
    };
    let lines: Vec<&str> = body.split('\n').take(NOTE_SIGNATURES_MAX + 1).collect();
    if lines.len() > NOTE_SIGNATURES_MAX {
        return Err(NoteError::TooManySignatures);
    }
    (1..).zip(lines).map(|(number, line)| SignatureLine::parse(line).ok_or(NoteError::Line(number))).collect()
}

/// The names in `lines`, for a message; at most 16.
pub(crate) fn names(lines: &[SignatureLine]) -> String {
    let names: Vec<String> = lines.iter().take(16).map(|line| format!("`{}`", line.name)).collect();
    if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
}

fn check_characters(text: &str) -> Result<(), NoteError> {
    let control = text.bytes().find(|byte| *byte < 0x20 && *byte != b'\n');
    control.map_or(Ok(()), |byte| Err(NoteError::ControlCharacter(byte)))
}

// === impl SignatureLine ===

impl SignatureLine {
    /// The line for `signature`, made by `key` over the text of a note. For a key that cosigns use [`SignatureLine::cosignature`].
    #[must_use]
    pub fn ed25519(key: &VerifierKey, signature: &[u8; 64]) -> Self {
        Self { name: key.name().to_owned(), id: key.id(), signature: signature.to_vec() }
    }

    /// The line for `signature`, made by `key` over [`crate::cosigned_message`] at `time`.
    #[must_use]
    pub fn cosignature(key: &VerifierKey, time: PosixSeconds, signature: &[u8; 64]) -> Self {
        Self { name: key.name().to_owned(), id: key.id(), signature: cosignature::encode(time, signature) }
    }

    /// Who claims to have signed.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the key that claims to have signed.
    #[must_use]
    pub const fn id(&self) -> [u8; 4] {
        self.id
    }

    fn parse(line: &str) -> Option<Self> {
        let (name, signature) = line.strip_prefix("— ")?.split_once(' ')?;
        let bytes = line::from_base64(signature)?;
        let (id, signature) = bytes.split_first_chunk::<4>()?;
        let valid = is_key_name(name) && !signature.is_empty();
        valid.then(|| Self { name: name.to_owned(), id: *id, signature: signature.to_vec() })
    }

    /// Whether the line says that it is of `key`: name and id, which are known before anything is verified.
    pub(crate) fn claims(&self, key: &VerifierKey) -> bool {
        self.name == key.name() && self.id == key.id()
    }

    fn verify<'a>(&self, text: &str, key: &'a VerifierKey) -> Option<Verified<'a>> {
        match key.kind() {
            KeyKind::Ed25519 => {
                let signature = self.signature.as_slice().try_into().ok()?;
                key.has_signed(text.as_bytes(), signature).then_some(Verified { key, time: None })
            }
            KeyKind::Cosignature => {
                let time = cosignature::verify(text, key, &self.signature)?;
                Some(Verified { key, time: Some(time) })
            }
        }
    }
}

/// The line with its newline.
impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "— {} {}", self.name, line::to_base64(&[self.id.as_slice(), &self.signature].concat()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningSeed;

    /// The specification's example.
    const EXAMPLE: &str = "This is an example message.\n\n\
        — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    const FOO: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    fn refused(note: &str, expected: NoteError) {
        assert_eq!(note.parse::<Note>(), Err(expected), "{note:?}");
    }

    fn signed(text: &str, seed: u8) -> (VerifierKey, SignatureLine) {
        let seed = SigningSeed::new(&[seed; 32]);
        let key = seed.verifier("log.example", KeyKind::Ed25519).unwrap();
        let line = SignatureLine::ed25519(&key, &seed.sign(text.as_bytes()));
        (key, line)
    }

    #[test]
    fn the_example_of_the_specification_verifies_and_is_written_as_it_was_read() {
        let note: Note = EXAMPLE.parse().unwrap();
        let key: VerifierKey = FOO.parse().unwrap();
        assert_eq!(note.verify(&[&key]), Ok(vec![Verified { key: &key, time: None }]));
        assert_eq!(note.text(), "This is an example message.\n");
        assert_eq!(note.to_string(), EXAMPLE);
    }

    #[test]
    fn a_text_may_hold_empty_lines() {
        let (key, line) = signed("a\n\nb\n\n", 1);
        let note = Note::new("a\n\nb\n\n", line).unwrap();
        let read: Note = note.to_string().parse().unwrap();
        assert_eq!(read.text(), "a\n\nb\n\n");
        read.verify(&[&key]).unwrap();
    }

    #[test]
    fn unknown_keys_are_ignored_and_a_false_signature_of_a_known_one_is_not() {
        let (key, line) = signed("a\n", 1);
        let (other, of_other) = signed("b\n", 2);
        let note = Note::new("a\n", line).unwrap().with(of_other).unwrap();
        assert_eq!(note.verify(&[&key]).unwrap().len(), 1, "the second key has the same name and another id");
        assert_eq!(note.verify(&[&key, &other]), Err(NoteError::False("log.example".to_owned())));
        let (stranger, _) = signed("a\n", 3);
        assert_eq!(note.verify(&[&stranger]), Err(NoteError::Unknown("`log.example`, `log.example`".to_owned())));
        assert!(note.verify(&[]).is_err());
    }

    #[test]
    fn a_line_is_not_added_twice() {
        let (_, line) = signed("a\n", 1);
        assert_eq!(Note::new("a\n", line.clone()).unwrap().with(line).unwrap().lines().len(), 1);
    }

    #[test]
    fn what_is_not_a_note_is_refused() {
        refused("", NoteError::NoSignatures);
        refused("text\n\n", NoteError::NoSignatures);
        refused("text\n", NoteError::NoSignatures);
        refused(&EXAMPLE.replace("\n\n", "\n"), NoteError::NoSignatures);
        refused(EXAMPLE.trim_end(), NoteError::Line(1));
        refused(&format!("{EXAMPLE}x\n"), NoteError::Line(2));
        refused(&format!("{EXAMPLE}\n"), NoteError::NoSignatures);
        refused(&EXAMPLE.replace("— ", "- "), NoteError::Line(1));
        refused(&EXAMPLE.replace("foo U", "foo  U"), NoteError::Line(1));
        refused(&EXAMPLE.replace("aQM=", "aQN="), NoteError::Line(1));
        refused(&EXAMPLE.replace("aQM=", "aQM"), NoteError::Line(1));
        refused("a\n\n— n AAAAAA==\n", NoteError::Line(1));
        refused("a\r\n\n— n AAAAAAA=\n", NoteError::ControlCharacter(b'\r'));
        assert_eq!(Note::from_bytes(b"\xff"), Err(NoteError::NotUtf8));
        assert_eq!(Note::new("a", signed("a", 1).1), Err(NoteError::Unterminated));
    }

    #[test]
    fn size_and_number_of_signatures_are_bounded() {
        let line = "— n AAAAAAA=\n";
        assert!(format!("a\n\n{}", line.repeat(NOTE_SIGNATURES_MAX)).parse::<Note>().is_ok());
        refused(&format!("a\n\n{}", line.repeat(NOTE_SIGNATURES_MAX + 1)), NoteError::TooManySignatures);
        let long = format!("{}\n\n{line}", "a".repeat(NOTE_BYTES_MAX));
        refused(&long, NoteError::TooLong(long.len()));
    }
}
