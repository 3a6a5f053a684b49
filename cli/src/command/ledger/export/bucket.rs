//! S3-compatible storage as a place for an export. Who asks and where is said by the usual `AWS_…` variables, never on the command line.

use anyhow::Context as _;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _};
use tokio::runtime::Runtime;

use super::Target;
use crate::exit::{Exit, Failure};

/// A bucket, below a prefix.
pub(super) struct Bucket {
    store: AmazonS3,
    prefix: Path,
    runtime: Runtime,
}

// === impl Bucket ===

impl Bucket {
    /// The place `s3://bucket/prefix`.
    pub(super) fn open(url: &str) -> anyhow::Result<Self> {
        let (bucket, prefix) = url.strip_prefix("s3://").map(|rest| rest.split_once('/').unwrap_or((rest, ""))).unwrap_or_default();
        if bucket.is_empty() {
            return Err(Failure::new(Exit::Usage, format!("`{url}` names no bucket")).hint("write it as `s3://bucket/prefix`").into());
        }
        let built = AmazonS3Builder::from_env().with_bucket_name(bucket).build();
        let store = built.map_err(|error| {
            Failure::new(Exit::Usage, format!("`{url}` cannot be used: {error}"))
                .hint("set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and, beside AWS, AWS_ENDPOINT_URL")
        })?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
        Ok(Self { store, prefix: Path::parse(prefix).with_context(|| format!("`{prefix}` is no prefix"))?, runtime })
    }

    /// Where a file lies below the prefix.
    fn at(&self, path: &str) -> Path {
        path.split('/').fold(self.prefix.clone(), |path, part| path.join(part))
    }
}

impl Target for Bucket {
    fn get(&self, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let at = self.at(path);
        self.runtime.block_on(async {
            match self.store.get(&at).await {
                Ok(found) => Ok(Some(found.bytes().await.context("the bucket broke off")?.to_vec())),
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(refused(&error).into()),
            }
        })
    }

    fn put(&self, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let (at, bytes) = (self.at(path), bytes.to_vec());
        let put = self.runtime.block_on(self.store.put(&at, bytes.into()));
        Ok(put.map(|_| ()).map_err(|error| refused(&error))?)
    }

    fn names(&self) -> anyhow::Result<Vec<String>> {
        let prefix = Some(&self.prefix).filter(|prefix| !prefix.as_ref().is_empty());
        let listed = self.runtime.block_on(self.store.list_with_delimiter(prefix)).map_err(|error| refused(&error))?;
        let paths = listed.objects.into_iter().map(|object| object.location).chain(listed.common_prefixes);
        Ok(paths.filter_map(|path| path.filename().map(str::to_owned)).collect())
    }
}

/// The service's answer follows in more lines, which say no more to people.
fn refused(error: &object_store::Error) -> Failure {
    let text = error.to_string();
    let said = text.lines().next().unwrap_or_default();
    Failure::new(Exit::Failed, format!("the bucket cannot be used: {said}")).hint(
        "check that the bucket is there, and AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL; a service without TLS \
         is used only with AWS_ALLOW_HTTP=true",
    )
}
