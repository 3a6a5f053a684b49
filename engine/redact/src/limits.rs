//! Every bound in this crate, with its reason. No loop over text may run without one of these or a byte consumed for good.
//!
//! Sizes are in bytes unless the name says otherwise.

/// An e-mail's local part: RFC 5321 allows 64; more is tolerated so that no part of an overlong one stays in clear.
pub(crate) const EMAIL_LOCAL_MAX: usize = 128;
/// An e-mail's domain: RFC 5321 allows 255.
pub(crate) const EMAIL_DOMAIN_MAX: usize = 255;

/// A JOSE header: usually 30-200; with a certificate chain (`x5c`) some thousand.
pub(crate) const JWT_HEADER_MAX: usize = 8 * 1024;
/// Any other part of a JWT: identity tokens with group lists reach some 10 kB.
pub(crate) const JWT_PART_MAX: usize = 64 * 1024;

/// A private key block: an RSA key of 16,384 bits takes 13 kB.
pub(crate) const PEM_MAX: usize = 64 * 1024;
/// Fewer base64 characters than this hold no key (Ed25519 in PKCS#8: 64), only the block's name or a placeholder.
pub(crate) const PEM_BODY_MIN: usize = 32;

/// Groups of digits in one phone number: written in pairs, with calling code, at most 8.
pub(crate) const PHONE_GROUPS_MAX: usize = 8;
/// Groups of digits that are looked at together: a card of up to 5 groups must be seen even behind a whole phone number.
pub(crate) const NUMBER_GROUPS_MAX: usize = PHONE_GROUPS_MAX + 5;
/// Phone numbers have at most 15 digits (ITU-T E.164).
pub(crate) const PHONE_DIGITS_MAX: usize = 15;
/// Local numbers below 7 digits cannot be told from any other number.
pub(crate) const PHONE_DIGITS_MIN: usize = 7;
/// Full validations of phone numbers in one scan: each costs 5-50 µs, so a page of them must not stall a call.
/// After that the written form alone decides, which finds more, never less.
pub(crate) const PHONE_VALIDATIONS_MAX: u32 = 64;

/// How far before a candidate its context words are looked for: about six words.
pub(crate) const CONTEXT_BEFORE: usize = 48;
/// How far after a candidate: `(mobile)`, `fax`.
pub(crate) const CONTEXT_AFTER: usize = 12;

/// How far a secret may stand from the name that announces it: `": "`, `' => '`.
pub(crate) const ASSIGNMENT_GAP_MAX: usize = 16;
/// How far after an AWS access key id its secret is looked for: the next column or the next line.
pub(crate) const AWS_SECRET_DISTANCE_MAX: usize = 96;
/// A Slack webhook's path.
pub(crate) const WEBHOOK_PATH_MAX: usize = 256;

/// Values that one call may have replaced: one in a hundred bytes of a call of 1 MB. To make so many
/// pseudonyms takes some 30 ms (`benches/restore.rs`).
pub(crate) const VALUES_MAX: usize = 10_000;
/// Pseudonyms of others that the text of one call may hold: as many as values of its own.
pub(crate) const ECHOES_MAX: usize = VALUES_MAX;
/// A value without digits is a name, with edges, up to this length: the longest names with their titles reach some 100 bytes.
pub(crate) const NAME_MAX: usize = 256;
/// FF1 needs a domain of 10^6 (NIST SP 800-38G revision 1).
pub(crate) const SHAPED_DIGITS_MIN: usize = 6;
/// No identifier that people write has more digits (the longest IBAN has 34 characters); the cost of FF1 grows with the square.
pub(crate) const SHAPED_DIGITS_MAX: usize = 40;

/// A value whose shape is data, in bytes: `SHAPE_TEXT_MAX` is the length of its pattern as text, `SHAPE_REPEAT_MAX` of one repeat in it.
pub(crate) const SHAPE_MAX: usize = 128;
pub(crate) const SHAPE_REPEAT_MAX: u32 = 40;
pub(crate) const SHAPE_TEXT_MAX: usize = 400;
/// The same for shapes that begin with a literal: credentials are long.
pub(crate) const CREDENTIAL_MAX: usize = 2048;
pub(crate) const CREDENTIAL_REPEAT_MAX: u32 = 256;
/// How far into a run of letters and digits its first digit may stand: further in it is a hash, base64 or a name.
pub(crate) const TOKEN_LEAD_MAX: usize = 24;
/// A run of letters and digits longer than this is no value of any shape.
pub(crate) const TOKEN_MAX: usize = SHAPE_MAX;
/// How many characters before a value its words may begin, in this line and the one before it.
pub(crate) const WORDS_BEFORE: usize = 64;
/// How many characters after a value its words may end, in this line.
pub(crate) const WORDS_AFTER: usize = 32;
/// How many words before a number may be its beginning: `Calle de la Rosa 12`.
pub(crate) const LEADING_WORDS_MAX: usize = 5;
/// How many bytes before it they may begin.
pub(crate) const LEADING_MAX: usize = 64;
/// Signs and short words between a word and the value right behind it: `": "`, ` no. `.
pub(crate) const WORD_BESIDE_MAX: usize = 8;
/// Memory of one scan's automaton of shapes, in bytes; what does not fit is computed again.
pub(crate) const SHAPE_CACHE: usize = 16 << 20;
/// A line of a message about a kinds file, in characters: two and a half lines of a screen. A file may be one line.
pub(crate) const MESSAGE_LINE_MAX: usize = 200;

/// How many characters before one in another form its plain form is scanned with: a value and the words that announce it.
pub(crate) const NORMAL_BEFORE: usize = WORDS_BEFORE + 40;
/// How many characters behind it.
pub(crate) const NORMAL_AFTER: usize = WORDS_AFTER + 40;
/// Digits of other scripts are worth a second scan if so many of any script stand so many characters around.
pub(crate) const DIGITS_MIN: usize = 4;
pub(crate) const DIGITS_NEAR: usize = 10;
/// A part's end is worked out anew for every so many bytes: the slack in `NORMAL_AFTER` covers them.
pub(crate) const NORMAL_STEP: usize = 24;
/// How much further a part may begin, so that no word is cut.
pub(crate) const NORMAL_STRETCH: usize = 4096;
/// What stands so near to where a part was cut may be half a value.
pub(crate) const NORMAL_EDGE: usize = 48;
/// A web address may be this long: what browsers and servers take.
pub(crate) const URL_MAX: usize = 2048;
/// Base64 that may wrap a value: `ada@x.org` takes 12 characters, but so do many words.
pub(crate) const BASE64_MIN: usize = 16;
pub(crate) const BASE64_MAX: usize = 4096;

/// Names in all lists together. Each costs some 60 bytes and nothing at each scan.
pub(crate) const GAZETTEER_NAMES_MAX: usize = 5_000_000;

/// Tokens of one listed name. Each place in a text is compared with so many at most.
pub(crate) const GAZETTEER_TOKENS_MAX: usize = 16;

/// How much of an answer is held while it is looked at: a value of `SHAPE_MAX`, and its words behind it (`WORDS_AFTER`, of 4 bytes each).
pub(crate) const ANSWER_WINDOW: usize = SHAPE_MAX + 4 * WORDS_AFTER;
/// How much of an answer comes between two looks: the fewer, the longer it is held; the more, the more often each byte is looked at.
pub(crate) const ANSWER_STEP: usize = 128;
/// How much of what was let go is kept as context: what is scanned before a value in another form, in characters of 4 bytes each.
pub(crate) const ANSWER_BEHIND: usize = 4 * NORMAL_BEFORE + SHAPE_MAX;
/// An unbroken run of letters and digits is held up to here, because only its end tells what it is: tokens with the claims of a person.
pub(crate) const ANSWER_RUN_MAX: usize = 8 * 1024;
/// A finding that goes on and on is held up to here: the largest thing that is found (`PEM_MAX`, `JWT_PART_MAX`).
pub(crate) const ANSWER_HELD_MAX: usize = 64 * 1024;
