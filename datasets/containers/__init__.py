"""Read images that lie in a bucket, a table or an archive, as files of a local folder."""
