//! The kinds of thing that the detectors find, and the finding itself.
//!
//! A finding must never carry the text it was found in: it is safe to log, to count and to put in a fact record.

/// What was found. Declared from the strongest to the weakest: where two findings overlap, the stronger names the union.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A private key block (PEM, OpenSSH, PGP) or an age identity.
    PrivateKey,
    /// A key for an AI provider's API.
    AiProviderKey,
    /// An AWS access key id, or a secret access key that stands beside its name or its id.
    AwsKey,
    /// A GitHub token.
    GithubToken,
    /// A Slack token or webhook address.
    SlackToken,
    /// A JSON Web Token (RFC 7519), signed or encrypted.
    Jwt,
    /// An international bank account number (ISO 13616) with a correct checksum.
    Iban,
    /// A payment card number (ISO/IEC 7812) with a known issuer prefix, a fitting length and a correct checksum.
    PaymentCard,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
}

impl Kind {
    /// Every kind, from the strongest to the weakest.
    pub const ALL: [Kind; 10] = [
        Kind::PrivateKey,
        Kind::AiProviderKey,
        Kind::AwsKey,
        Kind::GithubToken,
        Kind::SlackToken,
        Kind::Jwt,
        Kind::Iban,
        Kind::PaymentCard,
        Kind::Email,
        Kind::Phone,
    ];

    /// The kind's name in terms, facts and configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::PrivateKey => "private_key",
            Kind::AiProviderKey => "ai_provider_key",
            Kind::AwsKey => "aws_key",
            Kind::GithubToken => "github_token",
            Kind::SlackToken => "slack_token",
            Kind::Jwt => "jwt",
            Kind::Iban => "iban",
            Kind::PaymentCard => "payment_card",
            Kind::Email => "email",
            Kind::Phone => "phone",
        }
    }

    /// Whether it opens something: a credential or a key.
    #[must_use]
    pub const fn is_secret(self) -> bool {
        match self {
            Kind::PrivateKey | Kind::AiProviderKey | Kind::AwsKey | Kind::GithubToken | Kind::SlackToken | Kind::Jwt => true,
            Kind::Iban | Kind::PaymentCard | Kind::Email | Kind::Phone => false,
        }
    }

    /// Whether it relates to a person (GDPR article 4). Secrets are not counted as personal.
    #[must_use]
    pub const fn is_personal(self) -> bool {
        !self.is_secret()
    }
}

/// One thing found. `start..end` are byte offsets into the scanned text, both on character boundaries, `start < end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// Offset of its first byte.
    pub start: usize,
    /// Offset after its last byte.
    pub end: usize,
}
