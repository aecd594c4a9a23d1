"""Images on disk -> manifest -> splits -> augmented image shards. Knows no other package."""
