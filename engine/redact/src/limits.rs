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
