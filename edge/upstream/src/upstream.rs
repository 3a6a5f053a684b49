//! Where an upstream is and what opens it. A credential is bound to one origin and cannot be had for any other.

use std::net::IpAddr;
use std::str::FromStr;

use comity_vocab::Plain;
use http::uri::{Authority, Parts, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use crate::dialect::{Address, Dialect};
use crate::limits::Timeouts;
use crate::signed::{AwsKeys, SigningKey};

/// A network address or a model in this process.
pub struct Upstream {
    /// Its name in the configuration, for logs and metrics.
    pub name: String,
    /// How it is reached.
    pub transport: Transport,
    /// What it speaks.
    pub dialect: Dialect,
    /// How long it may take.
    pub timeouts: Timeouts,
}

/// How an upstream is reached.
pub enum Transport {
    /// HTTP.
    Http {
        /// Where.
        base: BaseUrl,
        /// What opens it; nothing for a server that asks for nothing.
        credential: Option<Credential>,
    },
    /// The model in this process.
    #[cfg(feature = "local-model")]
    Local(crate::local::LocalModel),
}

/// An address or credential that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUpstream {
    /// Not an absolute address.
    #[error("`{0}` is not an address: write for example `https://api.example.org/v1`")]
    NotAnAddress(String),
    /// Neither http nor https.
    #[error("`{0}` has the scheme `{1}`: only https, and http on trusted networks, can be called")]
    Scheme(String, String),
    /// Name and password in the address.
    #[error("the address for `{0}` carries a name or password: put the credential in an environment variable or a file")]
    UserInfo(String),
    /// A query or fragment.
    #[error("`{0}` has a query: an address ends with its path")]
    Query(String),
    /// A credential that cannot stand in a header. The credential itself is never repeated.
    #[error("the credential for `{0}` has characters that cannot stand in a header: is it cut, or does it have a line break inside?")]
    Credential(String),
}

/// `https://host[:port]/path`, without query. Calls go below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    scheme: Scheme,
    authority: Authority,
    path: String,
}

/// A secret that opens one origin. It has no text form.
#[derive(Clone)]
pub struct Credential {
    secret: Secret,
    scheme: Scheme,
    authority: Authority,
}

#[derive(Clone)]
enum Secret {
    /// Sent as it is in a header.
    Header(HeaderName, HeaderValue),
    /// Never sent: calls are signed with it.
    Signing(SigningKey),
}

/// What goes out, as far as a signature covers it.
pub(crate) struct Outgoing<'a> {
    pub(crate) method: &'a str,
    pub(crate) uri: &'a Uri,
    pub(crate) body: &'a [u8],
}

// === impl BaseUrl ===

impl FromStr for BaseUrl {
    type Err = InvalidUpstream;

    fn from_str(text: &str) -> Result<Self, InvalidUpstream> {
        let not_an_address = || InvalidUpstream::NotAnAddress(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| not_an_address())?;
        let scheme = uri.scheme().ok_or_else(not_an_address)?.clone();
        let authority = uri.authority().ok_or_else(not_an_address)?.clone();
        if scheme != Scheme::HTTPS && scheme != Scheme::HTTP {
            return Err(InvalidUpstream::Scheme(text.to_owned(), scheme.to_string()));
        }
        if authority.as_str().contains('@') {
            return Err(InvalidUpstream::UserInfo(authority.host().to_owned()));
        }
        if uri.query().is_some() {
            return Err(InvalidUpstream::Query(text.to_owned()));
        }
        Ok(Self { scheme, authority, path: uri.path().trim_end_matches('/').to_owned() })
    }
}

impl BaseUrl {
    /// The address of one API.
    pub(crate) fn uri(&self, dialect: &Dialect, address: Address<'_>) -> Result<Uri, http::Error> {
        let path = dialect.path(address);
        let mut parts = Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(PathAndQuery::try_from(format!("{}/{path}", self.path))?);
        Ok(Uri::from_parts(parts)?)
    }

    /// The host, without port.
    #[must_use]
    pub fn host(&self) -> &str {
        self.authority.host()
    }

    /// Whether nothing on the way can be read.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Whether the address is this machine by its text; names are not looked up.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.host().trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

// === impl Credential ===

impl Credential {
    /// Binds `secret`, sent in the header that the dialect has for it, to the origin of `base`: scheme, host and port.
    ///
    /// # Errors
    /// When the secret cannot stand in a header.
    pub fn bind(secret: &Plain<String>, base: &BaseUrl, dialect: &Dialect) -> Result<Self, InvalidUpstream> {
        let text = secret.expose().trim();
        let invalid = || InvalidUpstream::Credential(base.host().to_owned());
        if text.is_empty() {
            return Err(invalid());
        }
        let (name, before) = dialect.credential_header();
        let mut value = HeaderValue::from_str(&format!("{before}{text}")).map_err(|_| invalid())?;
        value.set_sensitive(true);
        Ok(Self::to_origin(Secret::Header(HeaderName::from_static(name), value), base))
    }

    /// Binds a key that signs calls (AWS Signature Version 4) to the origin of `base`.
    #[must_use]
    pub fn bind_signing(keys: AwsKeys, base: &BaseUrl) -> Self {
        Self::to_origin(Secret::Signing(SigningKey::new(keys)), base)
    }

    fn to_origin(secret: Secret, base: &BaseUrl) -> Self {
        Self { secret, scheme: base.scheme.clone(), authority: base.authority.clone() }
    }

    /// Adds what opens the upstream to the headers; false when it must not or cannot be done.
    ///
    /// INVARIANT: the secret goes only to the origin that it is bound to.
    pub(crate) fn authorise(&self, outgoing: &Outgoing<'_>, headers: &mut HeaderMap) -> bool {
        let bound = outgoing.uri.scheme() == Some(&self.scheme) && outgoing.uri.authority() == Some(&self.authority);
        if !bound {
            return false;
        }
        match &self.secret {
            Secret::Header(name, value) => {
                headers.insert(name.clone(), value.clone());
                true
            }
            Secret::Signing(key) => key.sign(outgoing, headers),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Endpoint;

    fn base(text: &str) -> BaseUrl {
        text.parse().unwrap()
    }

    fn uri(text: &str, endpoint: &Endpoint) -> Uri {
        base(text).uri(&Dialect::OpenAi, Address { endpoint, model: "m", stream: false }).unwrap()
    }

    fn bind(secret: &str, address: &str) -> Result<Credential, InvalidUpstream> {
        Credential::bind(&Plain::new(secret.to_owned()), &base(address), &Dialect::OpenAi)
    }

    #[test]
    fn calls_go_below_the_address() {
        for text in ["https://api.example.org/v1", "https://api.example.org/v1/"] {
            assert_eq!(uri(text, &Endpoint::Chat), "https://api.example.org/v1/chat/completions");
        }
        assert_eq!(uri("http://[::1]:8080", &Endpoint::Embeddings), "http://[::1]:8080/embeddings");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in ["", "api.example.org", "/v1", "ftp://example.org", "https://me:pw@example.org", "https://example.org/?a=b"] {
            assert!(bad.parse::<BaseUrl>().is_err(), "{bad}");
        }
        let error = "https://me:pw@example.org".parse::<BaseUrl>().unwrap_err();
        assert!(!error.to_string().contains("pw"), "{error}");
    }

    #[test]
    fn loopback_is_read_from_the_text() {
        for here in ["http://localhost:1", "http://127.0.0.9", "http://[::1]/v1"] {
            assert!(base(here).is_loopback(), "{here}");
        }
        for elsewhere in ["http://localhost.example.org", "http://10.0.0.1", "http://127.0.0.1.example.org"] {
            assert!(!base(elsewhere).is_loopback(), "{elsewhere}");
        }
    }

    #[test]
    fn a_credential_is_for_one_origin() {
        let credential = bind("secret\n", "https://api.example.org/v1").unwrap();
        let given = |text: &str| {
            let mut headers = HeaderMap::new();
            let uri = text.parse().unwrap();
            let allowed = credential.authorise(&Outgoing { method: "POST", uri: &uri, body: b"" }, &mut headers);
            assert_eq!(allowed, !headers.is_empty());
            allowed
        };
        assert!(given("https://api.example.org/v1/chat/completions"));
        assert!(given("https://API.example.org/other"));
        for elsewhere in ["http://api.example.org/v1", "https://api.example.org:8443/v1", "https://api.example.org.evil.net/", "/v1"] {
            assert!(!given(elsewhere), "{elsewhere}");
        }
        assert!(bind("a\nb", "https://x.org").is_err());
        assert!(bind("  ", "https://x.org").is_err());
    }

    #[test]
    fn every_dialect_has_its_own_header() {
        for (dialect, name, value) in [
            (Dialect::OpenAi, "authorization", "Bearer k"),
            (Dialect::Azure { version: None }, "api-key", "k"),
            (Dialect::Anthropic, "x-api-key", "k"),
            (Dialect::Gemini, "x-goog-api-key", "k"),
            (Dialect::Bedrock, "authorization", "Bearer k"),
        ] {
            let credential = Credential::bind(&Plain::new("k".to_owned()), &base("https://x.org"), &dialect).unwrap();
            let (mut headers, uri) = (HeaderMap::new(), "https://x.org/a".parse().unwrap());
            assert!(credential.authorise(&Outgoing { method: "POST", uri: &uri, body: b"" }, &mut headers));
            assert!(headers[name] == value && headers[name].is_sensitive(), "{dialect:?}");
        }
    }
}
