"""Image files under the hash of their content: in a folder, or in an object store such as S3."""
